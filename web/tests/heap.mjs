/** Measures the memory of a page and its worker in Chromium, by the debugger's protocol. */
import { readFile } from "node:fs/promises";

/** Time after which the debugger is considered dead, in milliseconds; machines may be busy. */
const PATIENCE = 300_000;

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
  // Not flattened, because a session of Playwright has no other way to a target below its own.
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
  // The memory object is created when the engine starts and remains the same.
  const { result: prototype } = await inWorker("Runtime.evaluate", {
    expression: "WebAssembly.Memory.prototype",
  });
  const { objects: memories } = await inWorker("Runtime.queryObjects", {
    prototypeObjectId: prototype.objectId,
  });

  /** Returns the size of all WebAssembly memories of the worker in bytes. */
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

  /** Returns the resident size of the page's process in bytes, shared pages included. */
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

  /** Returns what is in use after garbage collection: bytes, and the number of nodes. */
  return async () => {
    await inPage("HeapProfiler.collectGarbage");
    await inWorker("HeapProfiler.collectGarbage");
    const { nodes } = await inPage("Memory.getDOMCounters");
    const { usedSize: page_heap } = await inPage("Runtime.getHeapUsage");
    const { usedSize: worker_heap } = await inWorker("Runtime.getHeapUsage");
    return { wasm: await wasm(), page_heap, worker_heap, nodes, resident: await resident() };
  };
}
