/**
 * Tests the camera view of the built page in Chromium, as on a phone, with a film of a specimen in
 * place of the camera.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { accessible, noSidewaysScroll } from "./axe.mjs";
import { fakeCamera, film } from "./film.mjs";
import { readAgain } from "./hands.mjs";
import { CHROMIUM, site, suite, web } from "./site.mjs";
import { expected, specimen } from "./specimens.mjs";

const { address, close } = await site();
const packaged = await site(join(web, "pkg"));
const PHONE = {
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: "en-GB",
};
const plain = await chromium.launch(CHROMIUM);
const launch = (switches) =>
  chromium.launch({ ...CHROMIUM, args: [...CHROMIUM.args, ...switches] });
const passport = await film(plain, "passport.jpg");
const wrong = await film(plain, "passport-wrong-check.jpg");
const reflection = await film(plain, "passport.jpg", 60, 4, { mirrored: true });
const small = await film(plain, "passport-wrong-check.jpg", 60, 4, { part: 0.36 });
const wandering = await film(plain, "passport.jpg", 90, 4, { glare: "moving", blur: 4 });
const shining = await film(plain, "passport.jpg", 60, 0, { glare: "still" });
const allowed = await launch(fakeCamera(passport, true));
const endless = await launch(fakeCamera(wrong, true));
const mirror = await launch(fakeCamera(reflection, true));
const far = await launch(fakeCamera(small, true));
const denied = await launch(fakeCamera(passport, false));

/** Runs in the page before its own code: records what the page asks of the device. */
const spy = () => {
  const seen = { asked: [], tracks: [], vibrations: [], notes: 0, adjusted: [], most: 0, ways: {} };
  seen.mirrored = { alone: 0, frame: 0, luma: 0 };
  globalThis.seen = seen;
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    seen.asked.push(constraints.video);
    if (globalThis.unplugged && constraints.video.deviceId !== undefined)
      throw new OverconstrainedError("deviceId");
    const stream = await ask(constraints);
    seen.tracks.push(...stream.getTracks());
    return stream;
  };
  navigator.vibrate = (pattern) => seen.vibrations.push(pattern) > 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...time) {
    seen.notes += 1;
    return start.apply(this, time);
  };
  const apply = MediaStreamTrack.prototype.applyConstraints;
  MediaStreamTrack.prototype.applyConstraints = function (constraints) {
    seen.adjusted.push(constraints.advanced[0]);
    return globalThis.able === undefined ? apply.call(this, constraints) : Promise.resolve();
  };
  // Frames sent to the worker and not answered yet.
  const waiting = new Set();
  globalThis.Worker = class extends Worker {
    constructor(...address) {
      super(...address);
      this.addEventListener("message", ({ data }) => waiting.delete(data.id));
    }
    postMessage(message, ...rest) {
      if (["frame", "luma"].includes(message.kind)) {
        waiting.add(message.id);
        seen.ways[message.kind] = (seen.ways[message.kind] ?? 0) + 1;
        if (message.how?.alone) seen.mirrored.alone += 1;
        else if (message.mirrored || message.how?.mirrored) seen.mirrored[message.kind] += 1;
      }
      seen.most = Math.max(seen.most, waiting.size);
      return super.postMessage(message, ...rest);
    }
  };
};

/**
 * Runs in the page before its own code: the browser does not reveal that it will allow the camera.
 */
const unsure = () => {
  navigator.permissions.query = async () => ({ state: "prompt" });
};

/**
 * Returns scripts that run in the page before its own code: photos of the camera are this file, and
 * `photos` counts them. Without a file the camera refuses.
 */
async function photos(name) {
  const text = name === undefined ? "" : (await readFile(specimen(name))).toString("base64");
  const content = `globalThis.photos = 0;
    globalThis.ImageCapture = class {
      async takePhoto() {
        globalThis.photos += 1;
        const bytes = Uint8Array.from(atob("${text}"), (c) => c.charCodeAt(0));
        if (bytes.length === 0) throw new DOMException("busy", "NotReadableError");
        return new Blob([bytes], { type: "image/jpeg" });
      }
    };`;
  return [{ content }];
}

/** Runs in the page before its own code: the browser takes no photos. */
const photoless = () => delete globalThis.ImageCapture;

/** Runs in the page before its own code: the browser has no frames of video. */
const frameless = () => delete globalThis.VideoFrame;

/** Runs in the page before its own code: frames of video store no luma. */
const colourful = () => {
  globalThis.VideoFrame = class extends VideoFrame {
    constructor(video) {
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      canvas.getContext("2d").drawImage(video, 0, 0);
      super(canvas, { timestamp: 0 });
    }
  };
};

/**
 * Runs in a page that contains only the package: reads a picture by its luma, as a camera stores it
 * in the range of video or of a byte.
 */
async function byLuma({ base64, address }) {
  const { Reader, lumaOf } = await import(`${address}index.js`);
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const frameOf = (fullRange, init = {}) => {
    const planes = new Uint8Array(width * height * 1.5).fill(128);
    for (let pixel = 0; pixel < width * height; pixel++) {
      const [r, g, b] = data.subarray(4 * pixel, 4 * pixel + 3);
      const gray = 0.299 * r + 0.587 * g + 0.114 * b;
      planes[pixel] = Math.round(fullRange ? gray : 16 + (gray * 219) / 255);
    }
    return new VideoFrame(planes, {
      format: "I420",
      codedWidth: width,
      codedHeight: height,
      timestamp: 0,
      colorSpace: { fullRange, matrix: "bt709", primaries: "bt709", transfer: "bt709" },
      ...init,
    });
  };
  const reader = await Reader.create();
  const lines = [];
  let previous;
  for (const fullRange of [true, false]) {
    for (const [part, size] of [
      [undefined, undefined],
      [
        { x: 1, y: 101, width: width - 3, height: height - 103 },
        { width: 1150, height: 770 },
      ],
    ]) {
      const frame = frameOf(fullRange);
      const luma = await lumaOf(frame, { part, size, previous });
      frame.close();
      previous = luma;
      reader.forget();
      const result = await reader.fuse(luma);
      lines.push(result.lines, [result.width, result.height]);
    }
  }
  const turned = frameOf(true, { rotation: 90 });
  const canvas = new VideoFrame(context.canvas, { timestamp: 0 });
  const refused = [turned.rotation === 90 ? await lumaOf(turned) : null, await lumaOf(canvas)];
  turned.close();
  canvas.close();
  return { lines, refused };
}

/**
 * Runs in the page before its own code: the browser's settings forbid the camera, until `allowNow` is
 * called.
 */
const forbidden = () => {
  const status = Object.assign(new EventTarget(), { state: "denied" });
  navigator.permissions.query = async () => status;
  globalThis.allowNow = () => {
    status.state = "granted";
    status.dispatchEvent(new Event("change"));
  };
};

/** Runs in the page before its own code: gives the camera a lamp and a focus. */
const able = () => {
  globalThis.able = true;
  MediaStreamTrack.prototype.getCapabilities = () => ({
    torch: true,
    focusMode: ["continuous", "manual"],
    focusDistance: { min: 0.1, max: 1, step: 0.1 },
  });
};

let page;
const faults = [];
async function open(browser, { options = {}, scripts = [] } = {}) {
  await page?.context().close();
  const context = await browser.newContext({ ...PHONE, ...options });
  page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.setDefaultTimeout(30_000);
  for (const script of [spy, ...scripts]) await page.addInitScript(script);
  await page.goto(address);
  await page.waitForLoadState("networkidle");
}

const shown = (id) => page.waitForSelector(`#${id}:not([hidden])`);
const state = (wanted) => page.waitForSelector(`#camera[data-state="${wanted}"]:not([hidden])`);
const seen = () =>
  page.evaluate(() => ({
    ...globalThis.seen,
    tracks: globalThis.seen.tracks.map(({ readyState }) => readyState),
  }));
const frames = (count) =>
  page.waitForFunction((n) => Number(document.querySelector("#camera").dataset.frames) >= n, count);

/** Runs in the page: moves the tab to the background or back. */
const background = (hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
};

await suite([
  [
    "explains before it asks, reads, says so, stops",
    async () => {
      await open(allowed, { scripts: [unsure] });
      await page.click("#camera-open");
      await state("ask");
      assert.match(await page.textContent("#camera-text"), /browser will ask/);
      assert.deepEqual((await seen()).asked, []);
      await accessible(page);
      // What the page keeps for later is here: requests from now on are the camera's.
      await page.waitForSelector("#offline:not([hidden])", { state: "attached" });
      const requests = [];
      // The tab itself fetches the icon, to show that it uses a camera.
      page.on(
        "request",
        (request) => !/^blob:|icon\.svg$/.test(request.url()) && requests.push(request.url()),
      );
      await page.click("#camera-start");
      await state("done");
      await shown("result");
      assert.equal(await page.textContent("#lines"), expected.get("passport.jpg").join("\n"));
      assert.equal(await page.locator("#overlay polygon").count(), 2);
      // The reading combines several frames and says how many.
      assert.ok(Number(await page.textContent('[data-fact="frames"]')) >= 2);
      const { asked, tracks, vibrations, notes, most } = await seen();
      assert.equal(asked.length, 1);
      assert.deepEqual(
        [asked[0].facingMode, asked[0].width.ideal >= 1920],
        [{ ideal: "environment" }, true],
      );
      assert.deepEqual(tracks, ["ended"]);
      assert.equal(await page.evaluate(() => document.querySelector("#video").srcObject), null);
      assert.deepEqual([vibrations.length, notes > 0], [1, true]);
      assert.equal(most, 1, "frames are skipped, not queued");
      assert.deepEqual(requests, []);
      await noSidewaysScroll(page);
      await accessible(page);
    },
  ],
  [
    "the next document needs no explanation; muted it makes no sign",
    async () => {
      await page.click("#result .again");
      await page.click("#sound");
      await shown("result");
      const { asked, vibrations, notes } = await seen();
      assert.equal(asked.length, 2);
      // Only the signal of the first document.
      assert.deepEqual([vibrations.length, notes], [1, 2]);
    },
  ],
  [
    "fields fill in, the zone is outlined, and a person may take what does not become valid",
    async () => {
      await open(endless, { options: { locale: "ar", colorScheme: "dark" } });
      // Once the browser has allowed the camera, it is not explained again.
      await page.click("#camera-open");
      await state("live");
      await page.waitForSelector("#camera-overlay polygon", { state: "attached" });
      await page.waitForSelector('[data-live="document_number"][data-state="settled"]');
      await accessible(page);
      await noSidewaysScroll(page);
      await page.click("#camera-use");
      await shown("result");
      assert.match(await page.getAttribute("#verdict-box", "class"), /bad/);
      assert.equal(await page.textContent('[data-field="document_number"]'), "I20G49958");
      assert.deepEqual((await seen()).tracks, ["ended"]);
    },
  ],
  [
    "off in the background, and the same camera afterwards",
    async () => {
      await page.click("#result .again");
      await state("live");
      await frames(2);
      const device = await page.evaluate(
        () => globalThis.seen.tracks.at(-1).getSettings().deviceId,
      );
      await page.evaluate(background, true);
      assert.equal((await seen()).tracks.at(-1), "ended");
      await page.evaluate(background, false);
      await page.waitForFunction(() => globalThis.seen.tracks.length === 3);
      assert.deepEqual((await seen()).asked.at(-1).deviceId, { exact: device });
      await frames(2);
      assert.equal((await seen()).tracks.at(-1), "live");
    },
  ],
  [
    "another camera where that of before is gone",
    async () => {
      await page.evaluate(() => (globalThis.unplugged = true));
      await page.evaluate(background, true);
      await page.evaluate(background, false);
      await page.waitForFunction(() => globalThis.seen.tracks.length === 4);
      assert.deepEqual((await seen()).asked.at(-1).facingMode, { ideal: "environment" });
      await frames(2);
    },
  ],
  [
    "leaving stops the camera",
    async () => {
      await page.click("#camera-close");
      await shown("start");
      assert.equal((await seen()).tracks.at(-1), "ended");
    },
  ],
  [
    "switches are there only where the camera has them",
    async () => {
      await page.click("#camera-open");
      await frames(2);
      for (const id of ["torch", "focus", "camera-pick"])
        assert.equal(await page.isVisible(`#${id}`), false, id);
      await open(endless, { scripts: [able] });
      await page.click("#camera-open");
      await page.click("#torch");
      await page.waitForSelector('#torch[aria-pressed="true"]');
      await page.fill("#focus", "0.3");
      await accessible(page);
      assert.deepEqual((await seen()).adjusted, [
        { focusMode: "continuous" },
        { torch: true },
        { focusMode: "manual", focusDistance: 0.3 },
      ]);
    },
  ],
  [
    "two ways of frames are tried, and one is chosen",
    async () => {
      await open(endless);
      await page.click("#camera-open");
      await page.waitForSelector('#camera[data-way="luma"], #camera[data-way="picture"]');
      const { ways } = await seen();
      assert.ok(ways.frame >= 5 && ways.luma >= 5, JSON.stringify(ways));
    },
  ],
  [
    "frames without luma, and browsers without frames, go by way of pictures",
    async () => {
      for (const [script, tried] of [
        [colourful, 1],
        [frameless, undefined],
      ]) {
        await open(allowed, { scripts: [script] });
        await page.click("#camera-open");
        await shown("result");
        assert.equal(await page.textContent("#lines"), expected.get("passport.jpg").join("\n"));
        const { ways } = await seen();
        assert.equal(ways.luma, tried);
        assert.equal(await page.getAttribute("#camera", "data-way"), "picture");
      }
    },
  ],
  [
    "a camera that delivers mirrored frames is found out, which is said",
    async () => {
      // Both kinds of frames are turned back: by way of luma, and by way of pictures.
      for (const [scripts, way] of [
        [[], "luma"],
        [[frameless], "frame"],
      ]) {
        await open(mirror, { scripts });
        await page.click("#camera-open");
        await page.waitForFunction(
          () => document.querySelector("#camera-mirror").textContent !== "",
        );
        assert.match(await page.textContent("#camera-mirror"), /mirrors its pictures/);
        await shown("result");
        const lines = expected.get("passport.jpg").join("\n");
        assert.equal(await page.textContent("#lines"), lines);
        assert.match(await page.textContent("#notice"), /was mirrored/);
        const { mirrored, ways } = await seen();
        assert.ok(mirrored[way] > 0, JSON.stringify({ mirrored, ways }));
        assert.ok(mirrored.alone <= (ways.frame + (ways.luma ?? 0)) / 12);
        // The picture that is shown is the one that was read.
        await readAgain(page, "u8");
        assert.equal(await page.textContent("#lines"), lines);
      }
    },
  ],
  [
    "a camera that shows things as they are stays so, at the cost of few frames",
    async () => {
      await open(endless);
      await page.click("#camera-open");
      await frames(60);
      const { mirrored, ways } = await seen();
      assert.ok(mirrored.alone >= 1 && mirrored.alone <= (ways.frame + ways.luma) / 12);
      assert.deepEqual([mirrored.frame, mirrored.luma], [0, 0]);
      assert.equal(await page.textContent("#camera-mirror"), "");
    },
  ],
  [
    "print that is small in frames is read from one photo, which is said",
    async () => {
      await open(far, { scripts: await photos("passport.jpg") });
      await page.click("#camera-open");
      await shown("result");
      assert.equal(await page.textContent("#lines"), expected.get("passport.jpg").join("\n"));
      assert.match(await page.textContent("#notice"), /took a photo/);
      assert.equal(await page.evaluate(() => globalThis.photos), 1);
      // The photo itself is what is shown, and read again.
      const width = await page.evaluate(() => document.querySelector("#picture").naturalWidth);
      assert.equal(width, 1280);
      assert.deepEqual((await seen()).tracks, ["ended"]);
    },
  ],
  [
    "a photo that is not valid is offered, and one after another goes on after photos",
    async () => {
      await open(far, { scripts: await photos("passport-wrong-check.jpg") });
      await page.click("#camera-open");
      // On a slow machine the reading of frames may be offered before.
      await page.waitForSelector('#camera[data-photo="taken"]');
      await page.click("#camera-use");
      await shown("result");
      assert.match(await page.textContent("#notice"), /took a photo/);
      assert.match(await page.getAttribute("#verdict-box", "class"), /bad/);
      await open(far, { scripts: await photos("passport.jpg") });
      await page.click("#camera-open");
      await page.check("#series");
      await page.getByText("1 in the table").waitFor();
      const before = await page.evaluate(() =>
        Number(document.querySelector("#camera").dataset.frames),
      );
      await frames(before + 40);
      assert.equal(await page.textContent("#series-said"), "1 in the table");
    },
  ],
  [
    "without photos, and where the camera refuses, frames go on; a near document needs none",
    async () => {
      for (const [scripts, reason] of [
        [await photos(), "NotReadableError"],
        [[photoless], "NotSupportedError"],
      ]) {
        await open(far, { scripts });
        await page.click("#camera-open");
        await page.waitForSelector(`#camera[data-photo="${reason}"]`);
        const before = await page.evaluate(() =>
          Number(document.querySelector("#camera").dataset.frames),
        );
        await frames(before + 20);
        // It asks once.
        if (reason === "NotReadableError")
          assert.equal(await page.evaluate(() => globalThis.photos), 1);
        await page.click("#camera-use");
        await shown("result");
        assert.equal(await page.isVisible("#notice"), false);
      }
      await open(endless, { scripts: await photos("passport.jpg") });
      await page.click("#camera-open");
      await frames(40);
      assert.equal(await page.evaluate(() => globalThis.photos), 0);
    },
  ],
  [
    "package: luma is read like the picture, in either range, in part, and scaled down",
    async () => {
      const bare = await plain.newPage();
      const blank = `${packaged.address}blank.html`;
      await bare.route(blank, (route) => route.fulfill({ contentType: "text/html", body: "" }));
      await bare.goto(blank);
      const base64 = (await readFile(specimen("passport.jpg"))).toString("base64");
      const { address } = packaged;
      const { lines, refused } = await bare.evaluate(byLuma, { base64, address });
      await bare.close();
      const text = expected.get("passport.jpg");
      const [whole, part] = [
        [1280, 960],
        [1150, 770],
      ];
      assert.deepEqual(lines, [text, whole, text, part, text, whole, text, part]);
      assert.deepEqual(refused, [null, null]);
    },
  ],
  [
    "denied: says so and reads a picture as well",
    async () => {
      await open(denied, { scripts: [unsure] });
      await page.click("#camera-open");
      await page.click("#camera-start");
      await state("trouble");
      assert.equal(await page.getAttribute("#camera", "data-trouble"), "cameraDenied");
      assert.match(await page.textContent("#camera-text"), /choose a picture/);
      await accessible(page);
      const [chooser] = await Promise.all([
        page.waitForEvent("filechooser"),
        page.click("#camera-choose"),
      ]);
      await chooser.setFiles(specimen("passport.jpg"));
      await shown("result");
      assert.equal(await page.textContent("#lines"), expected.get("passport.jpg").join("\n"));
    },
  ],
  [
    "denied: asking again is one press away, and a permission that comes later starts the camera",
    async () => {
      await open(denied, { scripts: [unsure] });
      await page.click("#camera-open");
      await page.click("#camera-start");
      await page.waitForSelector('#camera[data-trouble="cameraDenied"]');
      assert.equal(await page.textContent("#camera-start"), "Try again");
      await page.click("#camera-start");
      await page.waitForFunction(() => globalThis.seen.asked.length === 2);
      await page.waitForSelector('#camera[data-trouble="cameraDenied"]');
      await open(endless, { scripts: [forbidden] });
      await page.click("#camera-open");
      await page.waitForSelector('#camera[data-trouble="cameraDenied"]');
      assert.deepEqual((await seen()).asked, []);
      await page.evaluate(() => globalThis.allowNow());
      await state("live");
      await frames(2);
      assert.deepEqual((await seen()).tracks, ["live"]);
      // Whoever has left the camera meanwhile is not surprised by it.
      await open(endless, { scripts: [forbidden] });
      await page.click("#camera-open");
      await state("trouble");
      await page.click("#camera-close");
      await page.evaluate(() => globalThis.allowNow());
      assert.deepEqual((await seen()).asked, []);
      await shown("start");
    },
  ],
  [
    "a camera that stops says so, and starts again by a press",
    async () => {
      await open(endless);
      await page.click("#camera-open");
      await frames(2);
      await page.evaluate(() => globalThis.seen.tracks.at(-1).dispatchEvent(new Event("ended")));
      await page.waitForSelector('#camera[data-trouble="cameraLost"]');
      assert.match(await page.textContent("#camera-text"), /unplugged/);
      assert.deepEqual((await seen()).tracks, ["ended"]);
      await accessible(page);
      assert.equal(await page.textContent("#camera-start"), "Try again");
      await page.click("#camera-start");
      await state("live");
      await frames(2);
      assert.deepEqual((await seen()).tracks, ["ended", "live"]);
      // Back leads to the start, and ends the camera.
      await page.goBack();
      await shown("start");
      assert.deepEqual((await seen()).tracks, ["ended", "ended"]);
    },
  ],
  [
    "glare that wanders and blur are read through; glare that stays gets a word within 5 s",
    async () => {
      for (const [film, mayFail] of [
        [wandering, false],
        [shining, true],
      ]) {
        const dazzled = await launch(fakeCamera(film, true));
        await open(dazzled);
        await page.click("#camera-open");
        await page.waitForFunction(() => {
          const camera = document.querySelector("#camera");
          if (!globalThis.began && Number(camera.dataset.frames) > 0)
            globalThis.began = performance.now();
          const hint = document.querySelector("#camera-hint").dataset.hint;
          const told = ["hintGlare", "hintCheck"].includes(hint) && !camera.hidden;
          const read = !document.querySelector("#result").hidden;
          if (!told && !read) return false;
          globalThis.ended = { told, hint, ms: performance.now() - globalThis.began };
          return true;
        });
        const { told, hint, ms } = await page.evaluate(() => ({
          ...globalThis.ended,
          frames: document.querySelector("#camera").dataset.frames,
        }));
        console.log(`        ${film}: ${told ? hint : "read"} after ${Math.round(ms)} ms`);
        if (!mayFail) {
          // The word does not stop the reading.
          await shown("result");
          assert.equal(await page.textContent("#lines"), expected.get("passport.jpg").join("\n"));
        } else assert.ok(told);
        await dazzled.close();
        page = undefined;
      }
    },
  ],
  [
    "no camera, and no secure connection",
    async () => {
      await open(plain, { options: { permissions: ["camera"] } });
      await page.click("#camera-open");
      await state("trouble");
      assert.equal(await page.getAttribute("#camera", "data-trouble"), "cameraNone");
      await page.click("#camera-close");
      await page.evaluate(() =>
        Object.defineProperty(navigator, "mediaDevices", { value: undefined }),
      );
      await page.click("#camera-open");
      await page.waitForSelector('#camera[data-trouble="cameraInsecure"]');
    },
  ],
  [
    "two cameras can be told apart",
    async () => {
      // Chromium's own test pattern, because a film gives only one camera.
      const two = await launch([
        "--use-fake-device-for-media-stream=device-count=2",
        "--use-fake-ui-for-media-stream",
      ]);
      await open(two);
      await page.click("#camera-open");
      await page.waitForSelector("#camera-pick", { state: "visible" });
      const other = await page.evaluate(
        () =>
          [...document.querySelectorAll("#camera-pick option")].find((option) => !option.selected)
            .value,
      );
      await page.selectOption("#camera-pick", other);
      await page.waitForFunction(() => globalThis.seen.tracks.length === 2);
      assert.deepEqual((await seen()).asked.at(-1).deviceId, { exact: other });
      assert.deepEqual((await seen()).tracks, ["ended", "live"]);
      await two.close();
      page = undefined;
    },
  ],
  ["the page logged no error", async () => assert.deepEqual(faults, [])],
]);

for (const browser of [plain, allowed, endless, denied, mirror, far]) await browser.close();
close();
packaged.close();
