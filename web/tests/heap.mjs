/** Memory of a page and its worker in Chromium, through the debugger's protocol. */
import { readFile } from "node:fs/promises";

/** A debugger that does not answer for so long does not answer at all; milliseconds. */
const PATIENCE = 20_000;

function soon(answer, what) {
  let timer;
  const late = new Promise(
    (_, reject) => (timer = setTimeout(() => reject(new Error(`${what}: no answer`)), PATIENCE)),
  );
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** Attaches to a page that has one worker. */
export async function heapOf(browser, page) {
  const session = await page.context().newCDPSession(page);
  const waiting = new Map();
  let next = 0;
  const worker = new Promise((resolve) => {
    session.on(
      "Target.attachedToTarget",
      ({ targetInfo, sessionId }) => targetInfo.type === "worker" && resolve(sessionId),
    );
  });
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result, error } = JSON.parse(message);
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error !== undefined) reject?.(new Error(error.message));
    else resolve?.(result);
  });
  // Not flattened: a session of Playwright has no other way to a target below its own.
  await session.send("Target.setAutoAttach", {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  const sessionId = await worker;
  const inPage = (method, parameters = {}) => soon(session.send(method, parameters), method);
  const inWorker = (method, params = {}) => {
    const answer = new Promise((resolve, reject) => {
      const id = ++next;
      waiting.set(id, { resolve, reject });
      session
        .send("Target.sendMessageToTarget", {
          sessionId,
          message: JSON.stringify({ id, method, params }),
        })
        .catch(reject);
    });
    return soon(answer, `${method} in the worker`);
  };
  // The memory is made when the engine starts and stays the same object.
  const { result: prototype } = await inWorker("Runtime.evaluate", {
    expression: "WebAssembly.Memory.prototype",
  });
  const { objects: memories } = await inWorker("Runtime.queryObjects", {
    prototypeObjectId: prototype.objectId,
  });

  /** Bytes of all WebAssembly memories of the worker. */
  async function wasm() {
    const add =
      "function () { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0); }";
    const { result } = await inWorker("Runtime.callFunctionOn", {
      objectId: memories.objectId,
      functionDeclaration: add,
      returnByValue: true,
    });
    return result.value;
  }

  /** Bytes that the page's process keeps in memory, shared pages included. */
  async function resident() {
    const root = await browser.newBrowserCDPSession();
    const { processInfo } = await soon(
      root.send("SystemInfo.getProcessInfo"),
      "SystemInfo.getProcessInfo",
    );
    await root.detach();
    const sizes = await Promise.all(
      processInfo
        .filter(({ type }) => type === "renderer")
        .map(
          async ({ id }) =>
            Number((await readFile(`/proc/${id}/statm`, "utf8")).split(" ")[1]) * 4096,
        ),
    );
    return Math.max(...sizes);
  }

  /** What is in use once the garbage is collected; bytes, and a count of nodes. */
  return async () => {
    await inPage("HeapProfiler.collectGarbage");
    await inWorker("HeapProfiler.collectGarbage");
    const { nodes } = await inPage("Memory.getDOMCounters");
    const { usedSize: page_heap } = await inPage("Runtime.getHeapUsage");
    const { usedSize: worker_heap } = await inWorker("Runtime.getHeapUsage");
    return { wasm: await wasm(), page_heap, worker_heap, nodes, resident: await resident() };
  };
}
