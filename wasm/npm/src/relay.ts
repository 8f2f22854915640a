/**
 * Hands the answer to a request from a page to its worker while it arrives. Not every browser can
 * transfer a response or its stream, so it travels in parts.
 */

/** What is sent: bytes, and `null` after the last ones; or what went wrong. */
type Part = Uint8Array | null | string;

/** Sends what answers a request, and returns the port for `receive`. `signal` ends the download. */
export function send(request: Promise<Response>, signal: AbortSignal): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const post = (part: Part) => port1.postMessage(part);
  const pump = async () => {
    const response = await request;
    if (!response.ok) throw new Error(`status ${response.status}`);
    const sink = new WritableStream<Uint8Array>({ write: post, close: () => post(null) });
    await response.body?.pipeTo(sink, { signal });
  };
  pump().catch((thrown: unknown) => post(String(thrown)));
  return port2;
}

/** Returns the answer that arrives at a port. Its type is that of modules, whatever it is. */
export function receive(port: MessagePort): Response {
  const body = new ReadableStream<Uint8Array>({
    start(arriving) {
      port.onmessage = ({ data }: MessageEvent<Part>) => {
        if (data === null) arriving.close();
        else if (typeof data === "string") arriving.error(new Error(data));
        else arriving.enqueue(data);
      };
    },
  });
  return new Response(body, { headers: { "content-type": "application/wasm" } });
}
