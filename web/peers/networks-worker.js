/** One library, by the name of the worker: loads networks and times runs of them. */
const isPeer = self.name === "onnxruntime-web";
/** Messages that arrive before a module has been evaluated are lost: nothing waits at its top. */
const loading = isPeer
  ? import("./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs")
  : import("../pkg/network.js");
/** Batches of runs, of which the quickest counts: interrupted ones say nothing. */
const BATCHES = 5;
let held = {};

async function fetched(name) {
  const response = await fetch(`/networks/${name}`);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Frees what was loaded, and loads a network at every precision; a function runs each. */
async function load({ file, size: [height, width, channels] }) {
  for (const { free } of Object.values(held)) await free();
  held = {};
  const library = await loading;
  const count = height * width * channels;
  if (isPeer) {
    library.env.wasm.numThreads = 1;
    library.env.wasm.proxy = false;
    library.env.wasm.wasmPaths = new URL(
      "node_modules/onnxruntime-web/dist/",
      import.meta.url,
    ).href;
    const data = Float32Array.from({ length: count }, (_, at) => ((at * 37) % 255) / 64 - 2);
    const image = new library.Tensor("float32", data, [1, channels, height, width]);
    for (const [kind, name] of [
      ["f32", `${file}.onnx`],
      ["int8", `${file}-int8.onnx`],
    ]) {
      const session = await library.InferenceSession.create(await fetched(name), {
        executionProviders: ["wasm"],
      });
      held[kind] = { run: () => session.run({ image }), free: () => session.release() };
    }
    return { kinds: Object.keys(held), version: library.env.versions.web };
  }
  const image = Uint8Array.from({ length: count }, (_, at) => (at * 37) % 255);
  for (const [kind, bits] of [
    ["f32", 32],
    ["u8", 8],
    ["u4", 4],
  ]) {
    const bytes = await fetched(`${file}-${bits}.safetensors`);
    const network = await library.Network.load(bytes, { binary: self.name });
    held[kind] = { run: () => network.run(image), free: () => network.dispose() };
  }
  return { kinds: Object.keys(held) };
}

async function answer({ load: network, kind, runs }) {
  if (network !== undefined) return load(network);
  const { run } = held[kind];
  let best = Infinity;
  for (let batch = 0; batch < BATCHES; batch++) {
    const start = performance.now();
    for (let at = 0; at < runs; at++) {
      const outputs = run();
      if (isPeer) await outputs;
    }
    best = Math.min(best, performance.now() - start);
  }
  return { ms: best };
}

self.onmessage = ({ data }) =>
  answer(data).then(
    (found) => self.postMessage(found),
    (error) => self.postMessage({ error: String(error) }),
  );
