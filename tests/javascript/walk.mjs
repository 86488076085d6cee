// Walks a served local cloud from a bucket to the last deletion, by the AWS SDK for JavaScript v3.
// Arguments: the folder with node_modules, and a folder of images and all.manifest.
// Prints one JSON document: what came back at each step.

import { createRequire } from "node:module";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const [modules, folder] = process.argv.slice(2);
const require = createRequire(join(modules, "walk.js"));
const rek = require("@aws-sdk/client-rekognition");
const s3 = require("@aws-sdk/client-s3");

const bucket = "from-javascript";
const client = new rek.RekognitionClient({});
const store = new s3.S3Client({ forcePathStyle: true });
const call = (operation, request = {}) => client.send(new rek[`${operation}Command`](request));
const wait = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };
const seen = {};

const all = async (paginate, request, member) => {
  const found = [];
  for await (const page of paginate({ client, pageSize: 2 }, request)) found.push(...page[member]);
  return found;
};

await store.send(new s3.CreateBucketCommand({ Bucket: bucket }));
for (const name of readdirSync(folder)) {
  const Body = readFileSync(join(folder, name));
  await store.send(new s3.PutObjectCommand({ Bucket: bucket, Key: `x/${name}`, Body }));
}
const listed = await store.send(new s3.ListObjectsV2Command({ Bucket: bucket, Prefix: "x/" }));
seen.objects = listed.KeyCount;

const { ProjectArn } = await call("CreateProject", { ProjectName: "javascript", Tags: { by: "js" } });
seen.taken = await call("CreateProject", { ProjectName: "javascript" }).catch((error) => error.name);
for (const name of ["second", "third"]) await call("CreateProject", { ProjectName: name });
seen.projects = (await all(rek.paginateDescribeProjects, {}, "ProjectDescriptions")).length;

const S3Object = { Bucket: bucket, Name: "x/all.manifest" };
const DatasetSource = { GroundTruthManifest: { S3Object } };
const train = await call("CreateDataset", { ProjectArn, DatasetType: "TRAIN", DatasetSource });
const test = await call("CreateDataset", { ProjectArn, DatasetType: "TEST" });
const described = await call("DescribeDataset", { DatasetArn: train.DatasetArn });
seen.dataset = described.DatasetDescription.Status;
const Datasets = [{ Arn: train.DatasetArn }, { Arn: test.DatasetArn }];
await call("DistributeDatasetEntries", { Datasets });
await call("DescribeDataset", { DatasetArn: test.DatasetArn });
const entries = { DatasetArn: test.DatasetArn };
seen.moved = (await all(rek.paginateListDatasetEntries, entries, "DatasetEntries")).length;
const labels = { DatasetArn: train.DatasetArn };
const named = await all(rek.paginateListDatasetLabels, labels, "DatasetLabelDescriptions");
seen.labels = named.map((one) => one.LabelName);

const OutputConfig = { S3Bucket: bucket, S3KeyPrefix: "out" };
const version = { ProjectArn, VersionName: "v1", OutputConfig };
const { ProjectVersionArn } = await call("CreateProjectVersion", version);
const versions = { ProjectArn, VersionNames: ["v1"] };
const trained = await rek.waitUntilProjectVersionTrainingCompleted(wait, versions);
seen.trained = trained.state;

await call("StartProjectVersion", { ProjectVersionArn, MinInferenceUnits: 1 });
seen.running = (await rek.waitUntilProjectVersionRunning(wait, versions)).state;
const Bytes = readFileSync(join(folder, "1.jpeg"));
const found = await call("DetectCustomLabels", { ProjectVersionArn, Image: { Bytes }, MinConfidence: 0 });
seen.found = found.CustomLabels[0].Name;
const inS3 = { S3Object: { Bucket: bucket, Name: "x/0.jpeg" } };
const other = await call("DetectCustomLabels", { ProjectVersionArn, Image: inS3, MinConfidence: 0 });
seen.inS3 = other.CustomLabels[0].Name;
const bad = { ProjectVersionArn, Image: { Bytes: new TextEncoder().encode("no image") } };
const refused = await call("DetectCustomLabels", bad).catch((error) => error);
seen.refused = [refused.name, refused instanceof rek.InvalidImageFormatException];

await call("StopProjectVersion", { ProjectVersionArn });
const after = await all(rek.paginateDescribeProjectVersions, { ProjectArn }, "ProjectVersionDescriptions");
seen.stopped = after[0].Status;
await call("DeleteProjectVersion", { ProjectVersionArn });
await call("DescribeProjectVersions", { ProjectArn });
for (const { Arn } of Datasets) await call("DeleteDataset", { DatasetArn: Arn });
await call("DescribeProjects");
const left = await all(rek.paginateDescribeProjects, {}, "ProjectDescriptions");
for (const one of left) await call("DeleteProject", { ProjectArn: one.ProjectArn });
seen.left = (await call("DescribeProjects")).ProjectDescriptions.length;
console.log(JSON.stringify(seen));
