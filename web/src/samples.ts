/** Specimens that come with the page: invented people, rendered and photographed by our own tool. */
import frenchCard from "../../testdata/specimens/french-layout.jpg?url";
import idCard from "../../testdata/specimens/id-card-back.jpg?url";
import idOld from "../../testdata/specimens/id-td2.jpg?url";
import turned from "../../testdata/specimens/passport-turned.jpg?url";
import wrong from "../../testdata/specimens/passport-wrong-check.jpg?url";
import passport from "../../testdata/specimens/passport.jpg?url";
import visa from "../../testdata/specimens/visa-a.jpg?url";
import type { Key } from "./messages";

/** A specimen: what to call it, and where it is. */
export const SAMPLES: readonly { key: Key; address: string }[] = [
  { key: "sampleTD3", address: passport },
  { key: "sampleTD1", address: idCard },
  { key: "sampleTD2", address: idOld },
  { key: "sampleMRVA", address: visa },
  { key: "sampleFRA36", address: frenchCard },
  { key: "sampleTurned", address: turned },
  { key: "sampleWrong", address: wrong },
];
