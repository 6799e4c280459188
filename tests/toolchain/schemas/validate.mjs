// node validate.mjs FILE...: checks each file, a Kubernetes resource in JSON, against the schema that its project publishes.
// Prints the names of those files whose kind it does not know.
import { readFile } from "node:fs/promises";

const PACKAGES = ["istio", "gateway-api"];

async function model({ apiVersion, kind }) {
  for (const name of PACKAGES) {
    const found = await import(`@kubernetes-models/${name}/${apiVersion}`).catch(() => ({}));
    if (found[kind]) return found[kind];
  }
  return undefined;
}

for (const file of process.argv.slice(2)) {
  const resource = JSON.parse(await readFile(file, "utf8"));
  const Model = await model(resource);
  if (Model) new Model(resource).validate();
  else console.log(file);
}
