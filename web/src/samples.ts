/**
 * The specimens that come with the page: invented people, rendered and photographed by our own
 * tool.
 */
import frenchCard from "../../testdata/specimens/french-layout.jpg?url";
import idCard from "../../testdata/specimens/id-card-back.jpg?url";
import idOld from "../../testdata/specimens/id-td2.jpg?url";
import turned from "../../testdata/specimens/passport-turned.jpg?url";
import wrong from "../../testdata/specimens/passport-wrong-check.jpg?url";
import passport from "../../testdata/specimens/passport.jpg?url";
import visa from "../../testdata/specimens/visa-a.jpg?url";
import type { Key } from "./messages";

/** The specimens: key of the name, file in testdata/specimens, and address. */
export const SAMPLES: readonly { key: Key; file: string; address: string }[] = [
  { key: "sampleTD3", file: "passport.jpg", address: passport },
  { key: "sampleTD1", file: "id-card-back.jpg", address: idCard },
  { key: "sampleTD2", file: "id-td2.jpg", address: idOld },
  { key: "sampleMRVA", file: "visa-a.jpg", address: visa },
  { key: "sampleFRA36", file: "french-layout.jpg", address: frenchCard },
  { key: "sampleTurned", file: "passport-turned.jpg", address: turned },
  { key: "sampleWrong", file: "passport-wrong-check.jpg", address: wrong },
];
