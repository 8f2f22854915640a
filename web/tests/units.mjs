/**
 * Tests parts of the page that need no browser: the agreement of frames, hints, tables, names of
 * states.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createServer } from "vite";
import { suite, web } from "./site.mjs";
import { specimen } from "./specimens.mjs";

// The parts of a browser that these modules use.
globalThis.document = { documentElement: {}, querySelectorAll: () => [] };
Object.defineProperty(globalThis, "navigator", {
  configurable: true,
  value: { languages: ["en-GB"] },
});
globalThis.location = { search: "" };

const vite = await createServer({
  root: web,
  appType: "custom",
  logLevel: "error",
  server: { middlewareMode: true, hmr: false, watch: null },
});
const load = (name) => vite.ssrLoadModule(`/src/${name}.ts`);
const { Agreement, hintFor, visiblePart } = await vite.ssrLoadModule("/pkg/parts.js");
const { ageOn, isExpiredOn, nameOfState: nameOfCode } = await vite.ssrLoadModule("/pkg/fields.js");
const { Series } = await load("reading/series");
const { csv } = await load("reading/csv");
const { outcome } = await load("reading/verdict");
const { date, validity } = await load("words");
const { nameOfState } = await load("states");
const { LANGUAGES, speak } = await load("language");
const { SAMPLES } = await load("samples");
const { en } = await load("messages/en");
const { addressOf, withRepository } = await vite.ssrLoadModule("/build/repository.ts");

const DOCUMENT = {
  format: "TD3",
  issuer: "UTO",
  surname: "ROSSI",
  given_names: "ANNA MARIA",
  document_number: "T86Z98797",
  nationality: "UTO",
  birth_date: "1968-09-17",
  expiry_date: "2028-04-20",
  sex: "F",
  optional: null,
};
const LINES = [
  "P<UTOROSSI<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<<<<",
  "T86Z987976UTO6809179F2804202<<<<<<<<<<<<<<<6",
];
const QUAD = [
  [100, 600],
  [900, 600],
  [900, 620],
  [100, 620],
];
const answer = (changes = {}) => ({
  lines: LINES,
  raw_lines: LINES,
  valid: true,
  document: DOCUMENT,
  review: [],
  quads: [QUAD, QUAD],
  width: 1280,
  height: 960,
  checks: [
    { field: "document_number", ok: true },
    { field: "composite", ok: true },
  ],
  ...changes,
});
const nothing = answer({ lines: [], valid: false, document: null, quads: [], checks: [] });

/**
 * Maximum memory for reading a file, in MiB: that of the engine, and that of the decoder. First for a
 * picture as large as a camera's frame, then for a photograph of twelve megapixels. Measured: 5.3
 * and 2.1, 19.5 and 14.1.
 */
const MAX_MEMORY = [
  ["passport.jpg", 6, 2.75],
  ["passport-12mp.jpg", 21, 16],
];

/** Returns the files that `npm publish` would send. */
function packed(folder) {
  const options = { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] };
  const [{ files }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json"], options));
  return files.map(({ path }) => path);
}

await suite([
  [
    "the npm package holds all that it names",
    async () => {
      const folder = join(web, "pkg");
      const files = new Set(packed(folder));
      const { exports, main, types } = JSON.parse(
        await readFile(join(folder, "package.json"), "utf8"),
      );
      const named = [
        main,
        types,
        ...Object.values(exports).flatMap((entry) => Object.values(entry)),
      ]
        .filter((path) => path.startsWith("./"))
        .map((path) => path.slice(2));
      const models = ["f32", "u8", "u4"].map((name) => `models/ocr-${name}.safetensors`);
      const texts = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];
      const pairs = ["relaxed", "simd128", "bench-relaxed", "bench-simd128"];
      const kinds = [...pairs, "picture-jpeg", "picture-other"];
      const binaries = kinds.map((name) => `nibble-${name}.wasm`);
      for (const file of [...named, ...models, ...binaries, ...texts])
        assert.ok(files.has(file), `${file} is missing`);
      for (const file of [...files].filter((path) => path.endsWith(".js"))) {
        assert.ok(files.has(file.replace(/js$/, "d.ts")), `${file} has no types`);
        const text = await readFile(join(folder, file), "utf8");
        for (const [, target] of text.matchAll(/from "\.\/([^"]+)"/g))
          assert.ok(files.has(target), `${file} imports ${target}`);
      }
    },
  ],
  [
    "reading takes little memory, decoding included",
    async () => {
      const module = async (name) =>
        new WebAssembly.Module(await readFile(join(web, `pkg/nibble-${name}.wasm`)));
      const engine = await import(join(web, "pkg/engine.js"));
      const { memory } = engine.initSync({ module: await module("simd128") });
      const { exports: decoder } = new WebAssembly.Instance(await module("picture-jpeg"));
      const reader = new engine.Engine(await readFile(join(web, "pkg/models/ocr-u4.safetensors")));
      for (const [file, ...most] of MAX_MEMORY) {
        const bytes = await readFile(specimen(file));
        const place = decoder.picture_reserve(bytes.length);
        new Uint8Array(decoder.memory.buffer, place, bytes.length).set(bytes);
        assert.equal(decoder.picture_decode(), 1);
        const [width, length] = [decoder.picture_width(), decoder.picture_length()];
        const gray = new Uint8Array(decoder.memory.buffer, decoder.picture_address(), length);
        const result = JSON.parse(reader.read_gray(width, length / width, gray));
        decoder.picture_free();
        assert.equal(result.valid, true);
        for (const [index, { buffer }] of [memory, decoder.memory].entries()) {
          const taken = buffer.byteLength / 2 ** 20;
          assert.ok(taken <= most[index], `${file}: ${taken} MiB of ${most[index]}`);
        }
      }
    },
  ],
  [
    "each file is decoded by one of the two decoders, and what is none has an error of its own",
    async () => {
      const decoders = await Promise.all(
        ["jpeg", "other"].map(async (format) => {
          const bytes = await readFile(join(web, `pkg/nibble-picture-${format}.wasm`));
          return new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
        }),
      );
      const decode = (decoder, bytes) => {
        const place = decoder.picture_reserve(bytes.length);
        new Uint8Array(decoder.memory.buffer, place, bytes.length).set(bytes);
        if (decoder.picture_decode() === 1) return "decoded";
        const address = [decoder.picture_address(), decoder.picture_length()];
        const message = new Uint8Array(decoder.memory.buffer, ...address);
        return new TextDecoder().decode(message).split("\n")[0];
      };
      // One black pixel.
      const bitmap = Buffer.alloc(58);
      bitmap.write("BM");
      for (const [at, value] of [
        [2, 58],
        [10, 54],
        [14, 40],
        [18, 1],
        [22, 1],
        [26, 1],
        [28, 24],
      ])
        bitmap.writeUInt8(value, at);
      const files = [
        [await readFile(specimen("passport.jpg")), ["decoded", "Unsupported"]],
        [await readFile(specimen("id-td2-scan.png")), ["Unsupported", "decoded"]],
        [await readFile(specimen("visa-b.webp")), ["Unsupported", "decoded"]],
        [bitmap, ["Unsupported", "decoded"]],
        [Buffer.from("%PDF-1.7"), ["Unsupported", "Unsupported"]],
        [Buffer.from("no picture"), ["NotAPicture", "NotAPicture"]],
        [Buffer.alloc(0), ["Empty", "Empty"]],
      ];
      for (const [bytes, wanted] of files)
        assert.deepEqual(
          decoders.map((decoder) => decode(decoder, bytes)),
          wanted,
          bytes.toString("latin1", 0, 12),
        );
    },
  ],
  [
    "two valid answers in a row with the same text are enough, fewer are not",
    () => {
      const agreement = new Agreement();
      assert.equal(agreement.add(answer(), 0).done, false);
      assert.equal(agreement.add(answer({ lines: ["another", "text"] }), 0).done, false);
      assert.equal(agreement.add(answer(), 0).done, false);
      assert.equal(agreement.add(answer({ valid: false }), 0).done, false);
      assert.equal(agreement.add(answer(), 0).done, false);
      assert.equal(agreement.add(nothing, 0).done, false);
      assert.equal(agreement.add(answer(), 0).done, true);
    },
  ],
  [
    "fields settle as they stand still, not where their digit disagrees",
    () => {
      const agreement = new Agreement();
      const bad = answer({
        valid: false,
        checks: [
          { field: "document_number", ok: true },
          { field: "birth_date", ok: false },
        ],
      });
      assert.deepEqual(
        [...agreement.add(bad, 0).fields.values()].map(({ settled }) => settled),
        [false, false, false, false],
      );
      const { fields } = agreement.add(bad, 0);
      assert.deepEqual(
        [...fields].map(([name, { settled, confirmed }]) => [name, settled, confirmed]),
        [
          ["name", true, false],
          ["document_number", true, true],
          ["birth_date", false, false],
          ["expiry_date", true, false],
        ],
      );
      assert.equal(fields.get("name").value, "ANNA MARIA ROSSI");
    },
  ],
  [
    "an agreement counts while the document is in the picture",
    () => {
      const agreement = new Agreement();
      const done = [answer(), answer(), nothing, answer()].map(
        (result, index) => agreement.add(result, index).done,
      );
      assert.deepEqual(done, [false, true, false, true]);
    },
  ],
  [
    "what does not become valid is offered; what is gone is forgotten",
    () => {
      const agreement = new Agreement();
      // Asked by time, not by number: quick devices give many answers a second.
      const offers = [0, 1000, 2999, 3000].map(
        (ms) => agreement.add(answer({ valid: false }), 5000 + ms).offer,
      );
      assert.deepEqual(offers, [false, false, false, true]);
      const gone = Array.from({ length: 15 }, () => agreement.add(nothing, 0).gone);
      assert.deepEqual([gone[0], gone.at(-1)], [false, true]);
      assert.deepEqual(
        [8499, 8500].map((now) => agreement.add(nothing, now).away),
        [false, true],
      );
      agreement.forget();
      assert.deepEqual(
        { ...agreement.add(nothing, 0), fields: 0 },
        { done: false, gone: false, away: false, slow: false, offer: false, fields: 0 },
      );
    },
  ],
  [
    "lines that are not read soon are slow, until they leave the picture",
    () => {
      const agreement = new Agreement();
      const slow = (result, now) => agreement.add(result, now).slow;
      const unread = answer({ document: null, lines: [], valid: false });
      assert.deepEqual(
        [0, 1499, 1500].map((ms) => slow(unread, 1000 + ms)),
        [false, false, true],
      );
      // A frame in which they are not found does not begin anew, half a second does.
      assert.deepEqual([slow(nothing, 2600), slow(answer(), 2700)], [true, true]);
      assert.deepEqual([slow(nothing, 3200), slow(answer(), 3300)], [false, false]);
      assert.equal(slow(answer(), 4800), true);
      agreement.forget();
      assert.equal(slow(answer(), 4900), false);
    },
  ],
  [
    "what is known of a birth date fills the field and the cell",
    () => {
      const known = { ...DOCUMENT, birth_date: null, birth_date_partial: "1968-09" };
      const agreement = new Agreement();
      agreement.add(answer({ document: known }), 0);
      const { fields } = agreement.add(answer({ document: known }), 1);
      assert.deepEqual(
        [fields.get("birth_date").value, fields.get("birth_date").settled],
        ["1968-09", true],
      );
      const row = { file: { name: "a.jpg" }, reading: { result: answer({ document: known }) } };
      assert.match(csv([row]), /,UTO,1968-09,2028-04-20,F,/);
      const none = {
        ...row,
        reading: { result: answer({ document: { ...known, birth_date_partial: undefined } }) },
      };
      assert.match(csv([none]), /,UTO,,2028-04-20,F,/);
    },
  ],
  [
    "ages and expiry are those of the day",
    () => {
      const age = (birth, day) => ageOn({ birth_date: birth }, day);
      assert.deepEqual(
        ["2026-09-16", "2026-09-17"].map((day) => age("1968-09-17", day)),
        [57, 58],
      );
      // Who is born on 29 February is a year older on the day after the 28th.
      assert.deepEqual(
        ["2026-02-28", "2026-03-01", "2028-02-29"].map((day) => age("2004-02-29", day)),
        [21, 22, 24],
      );
      const known = (partial, day) => ageOn({ birth_date: null, birth_date_partial: partial }, day);
      assert.deepEqual(
        [known("1985", "2026-12-30"), known("1985", "2026-12-31"), known("1972-10", "2026-10-30")],
        [40, 41, 53],
      );
      assert.deepEqual([age(null, "2026-01-01"), age("2026-01-02", "2026-01-01")], [null, null]);
      assert.deepEqual(
        ["2028-04-20", "2028-04-21"].map((day) => isExpiredOn(DOCUMENT, day)),
        [false, true],
      );
      assert.equal(isExpiredOn({ expiry_date: null }, "2028-04-20"), null);
      // The package's own names.
      assert.equal(nameOfCode("XXA"), "Stateless person");
      assert.equal(nameOfCode("FRA", "de"), "Frankreich");
      assert.equal(nameOfCode("QQQ"), "QQQ");
    },
  ],
  [
    "one document after another: each of a picture comes into the table once",
    () => {
      const found = (name, valid = true) => ({
        lines: [name],
        raw_lines: [name],
        valid,
        document: DOCUMENT,
        checks: [],
        review: [],
        quads: [QUAD],
        confidences: [],
      });
      const best = (...all) => answer({ ...all[0], documents: all });
      const [one, two, three] = [found("one"), found("two"), found("three")];
      const series = new Series();
      const next = (result) => series.next(result)?.documents.map(({ lines }) => lines[0]) ?? null;
      assert.deepEqual(next(best(one, two)), ["one", "two"]);
      assert.equal(next(best(two, one)), null);
      // One that joins them counts when it is valid twice in a row.
      assert.equal(next(best(one, two, found("three", false))), null);
      assert.equal(next(best(one, three)), null);
      assert.equal(next(best(one, found("thre", true))), null);
      assert.equal(next(best(one, three)), null);
      assert.deepEqual(next(best(one, three)), ["three"]);
      assert.equal(series.next(best(three)), null);
      series.forget();
      assert.deepEqual(next(best(one)), ["one"]);
    },
  ],
  [
    "hints name what lacks",
    () => {
      const progress = { done: false, gone: false, slow: false, offer: false, fields: new Map() };
      const unread = (quad) => answer({ document: null, lines: [], valid: false, quads: [quad] });
      assert.equal(hintFor(nothing, progress, 120), "hintFind");
      assert.equal(hintFor(nothing, progress, 20), "hintDark");
      assert.equal(hintFor(unread(QUAD), progress, 120), "hintStill");
      assert.equal(
        hintFor(
          unread([
            [2, 600],
            [900, 600],
            [900, 620],
            [2, 620],
          ]),
          progress,
          120,
        ),
        "hintWhole",
      );
      assert.equal(
        hintFor(
          unread([
            [100, 600],
            [300, 600],
            [300, 605],
            [100, 605],
          ]),
          progress,
          120,
        ),
        "hintCloser",
      );
      assert.equal(
        hintFor(
          answer({ checks: [{ field: "composite", ok: false }] }),
          { ...progress, offer: true },
          120,
        ),
        "hintCheck",
      );
      // Lines that are not read after a while may be covered by glare.
      const slow = { ...progress, slow: true };
      const wrong = answer({ valid: false, checks: [{ field: "composite", ok: false }] });
      assert.equal(hintFor(unread(QUAD), slow, 120), "hintGlare");
      assert.equal(hintFor(answer({ valid: false }), slow, 120), "hintGlare");
      assert.equal(hintFor(wrong, slow, 120), "hintCheck");
      assert.equal(hintFor(answer(), slow, 120), "hintStill");
      assert.equal(hintFor(nothing, slow, 120), "hintFind");
    },
  ],
  [
    "the visible part of a frame is that of object-fit: cover",
    () => {
      assert.deepEqual(visiblePart({ width: 1920, height: 1080 }, { width: 400, height: 300 }), {
        x: 240,
        y: 0,
        width: 1440,
        height: 1080,
      });
      assert.deepEqual(visiblePart({ width: 1080, height: 1920 }, { width: 400, height: 300 }), {
        x: 0,
        y: 555,
        width: 1080,
        height: 810,
      });
    },
  ],
  [
    "tables are quoted, and hold no formulas",
    () => {
      const rows = [
        { file: { name: '=a,"b".jpg' }, reading: { result: answer() } },
        { file: { name: "c.jpg" }, error: new Error("no") },
        { file: { name: "d.jpg" } },
      ];
      const [head, first, second, third] = csv(rows).split("\r\n");
      assert.ok(head.startsWith("\uFEFFfile,status,format,issuer,surname,"));
      assert.equal(
        first,
        `"'=a,""b"".jpg",valid,TD3,UTO,ROSSI,ANNA MARIA,T86Z98797,UTO,1968-09-17,2028-04-20,F,,${LINES.join(",")},`,
      );
      assert.equal(second, `c.jpg,Internal${",".repeat(13)}`);
      assert.equal(third, `d.jpg${",".repeat(14)}`);
    },
  ],
  [
    "outcomes",
    () => {
      assert.equal(outcome(nothing), "none");
      assert.equal(outcome(answer()), "valid");
      assert.equal(outcome(answer({ valid: false })), "doubt");
      assert.equal(
        outcome(answer({ valid: false, checks: [{ field: "composite", ok: false }] })),
        "wrong",
      );
    },
  ],
  [
    "states have names in each language, codes of ICAO too",
    async () => {
      const names = {
        D: "Germany (D)",
        DEU: "Germany (DEU)",
        GBR: "United Kingdom (GBR)",
        RKS: "Kosovo (RKS)",
        EUE: "European Union (EUE)",
        UNO: "United Nations (UNO)",
        GBD: "British Overseas Territories citizen (GBD)",
        XXA: "Stateless person (XXA)",
        XOM: "Ordre souverain de Malte (XOM)",
        UTO: "Utopia (UTO)",
        QQQ: "QQQ",
      };
      for (const [code, name] of Object.entries(names)) assert.equal(nameOfState(code), name);
      await speak("de");
      assert.equal(nameOfState("FRA"), "Frankreich (FRA)");
      await speak("ar");
      assert.equal(nameOfState("FRA"), "فرنسا (FRA)");
      assert.equal(document.documentElement.dir, "rtl");
      await speak("en");
    },
  ],
  [
    "index.html holds the samples, languages and the sentence that are there before the script",
    async () => {
      const html = await readFile(join(web, "index.html"), "utf8");
      const found = (pattern) => [...html.matchAll(pattern)].map(([, ...parts]) => parts);
      assert.deepEqual(
        found(
          /<button\s+type="button"\s+data-t="(\w+)"\s+data-sample="([^"]+)"\s*>\s*([^<]+?)\s*</g,
        ),
        SAMPLES.map(({ key, file }) => [key, file, en[key]]),
      );
      assert.deepEqual(
        found(/<option value="(\w+)" lang="(\w+)">[^<]/g),
        LANGUAGES.map((tag) => [tag, tag]),
      );
      assert.deepEqual(found(/<p id="busy-text"[^>]*>([^<]+)</g), [[en.loading]]);
    },
  ],
  [
    "the foot links the repository where the package names one, and only then",
    async () => {
      const address = "https://example.org/people/nibble";
      for (const [given, expected] of [
        [undefined, undefined],
        [{}, undefined],
        [address, address],
        [{ type: "git", url: `git+${address}.git` }, address],
        ["people/nibble", "https://github.com/people/nibble"],
        ["github:people/nibble", "https://github.com/people/nibble"],
        ["javascript:alert(1)", undefined],
        ["git@example.org:people/nibble.git", undefined],
      ])
        assert.equal(addressOf(given), expected, JSON.stringify(given));
      const foot = '<p>\n  <!-- repository -->\n  <a href="./LICENSE-MIT.txt">Licence</a></p>';
      assert.equal(
        withRepository(foot, undefined),
        '<p>\n  <a href="./LICENSE-MIT.txt">Licence</a></p>',
      );
      assert.match(
        withRepository(foot, { url: `${address}?a="&b` }),
        /<a id="repository" href="https:[^"<>]*\?a=&quot;&amp;b" data-shell="repository">Source code<\/a>/,
      );
      // The page as it is built.
      const named = JSON.parse(await readFile(join(web, "../wasm/npm/package.json"), "utf8"));
      const built = await readFile(join(web, "dist/index.html"), "utf8");
      const link = /<a id="repository" href="([^"]+)"/.exec(built)?.[1];
      assert.equal(link, addressOf(named.repository));
      assert.ok(!built.includes("<!-- repository"));
    },
  ],
  [
    "dates are the region's, with the digits of the document; expiry is noticed",
    async () => {
      assert.equal(date("1968-09-17"), "17 September 1968");
      assert.equal(date(null), "Not stated");
      assert.equal(date("1968-09"), "September 1968");
      assert.equal(date("1968"), "1968");
      await speak("ar");
      assert.match(date("1968-09-17"), /17.*1968/);
      await speak("en");
      const now = new Date("2028-04-21T12:00:00");
      assert.equal(validity(DOCUMENT, now), "expired");
      assert.equal(validity(DOCUMENT, new Date("2028-04-20T12:00:00")), "expiresSoon");
      assert.equal(validity(DOCUMENT, new Date("2027-04-20T12:00:00")), undefined);
    },
  ],
]);

await vite.close();
