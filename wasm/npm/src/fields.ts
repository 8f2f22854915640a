/** What applications do with the fields of a document: ages, validity, names of states. */
import type { DocumentFields } from "./result.js";

/** Returns a day of this device's time zone as `YYYY-MM-DD`; today by default. */
export function isoDay(day = new Date()): string {
  return new Date(day.getTime() - day.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/**
 * Returns the age in whole years on a day (`YYYY-MM-DD`, by default today). Of a birth date that is
 * known in part, the age that the person has reached for certain. Null if no date is known, or if
 * it is after that day.
 */
export function ageOn(
  document: Pick<DocumentFields, "birth_date" | "birth_date_partial">,
  day = isoDay(),
): number | null {
  const known = document.birth_date ?? document.birth_date_partial;
  if (known == null) return null;
  // Text compares as dates do, and sorts a date that lacks a part after all of that part.
  const born = known + "-12-31".slice(known.length - 4);
  const years = Number(day.slice(0, 4)) - Number(born.slice(0, 4));
  const age = day.slice(5) < born.slice(5) ? years - 1 : years;
  return age < 0 ? null : age;
}

/**
 * Returns whether a document has expired on a day (`YYYY-MM-DD`, by default today): it is valid
 * through its date of expiry. Null if the document has no such date.
 */
export function isExpiredOn(
  document: Pick<DocumentFields, "expiry_date">,
  day = isoDay(),
): boolean | null {
  return document.expiry_date === null ? null : document.expiry_date < day;
}

/** ISO 3166-1: each three-letter code is followed by the two-letter code. */
const CODES = `
ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATAAQ ATFTF ATGAG AUSAU AUTAT AZEAZ BDIBI
BELBE BENBJ BESBQ BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ BMUBM BOLBO BRABR BRBBB BRNBN BTNBT
BVTBV BWABW CAFCF CANCA CCKCC CHECH CHLCL CHNCN CIVCI CMRCM CODCD COGCG COKCK COLCO COMKM CPVCV CRICR CUBCU
CUWCW CXRCX CYMKY CYPCY CZECZ DEUDE DJIDJ DMADM DNKDK DOMDO DZADZ ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET
FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB GEOGE GGYGG GHAGH GIBGI GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR
GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY HKGHK HMDHM HNDHN HRVHR HTIHT HUNHU IDNID IMNIM INDIN IOTIO IRLIE IRNIR
IRQIQ ISLIS ISRIL ITAIT JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH KIRKI KNAKN KORKR KWTKW LAOLA LBNLB
LBRLR LBYLY LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD MDGMG MDVMV MEXMX MHLMH
MKDMK MLIML MLTMT MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA NCLNC NERNE
NFKNF NGANG NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE PHLPH PLWPW PNGPG POLPL
PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE ROURO RUSRU RWARW SAUSA SDNSD SENSN SGPSG SGSGS SHNSH SJMSJ
SLBSB SLESL SLVSV SMRSM SOMSO SPMPM SRBRS SSDSS STPST SURSR SVKSK SVNSI SWESE SWZSZ SXMSX SYCSC SYRSY TCATC
TCDTD TGOTG THATH TJKTJ TKLTK TKMTM TLSTL TONTO TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA UMIUM URYUY
USAUS UZBUZ VATVA VCTVC VENVE VGBVG VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW
`;

/** ICAO codes that ISO lacks, with the codes under which browsers know them. */
const OWN: Record<string, string> = { D: "DE", RKS: "XK", EUE: "EU", UNO: "UN" };

/** Organisations that issue documents, under their own names. */
const ORGANISATIONS: Record<string, string> = {
  UNA: "United Nations (specialized agency)",
  UNK: "United Nations (Kosovo)",
  XBA: "African Development Bank",
  XCC: "CARICOM",
  XCE: "Council of Europe",
  XCO: "COMESA",
  XDC: "SADC",
  XEC: "ECOWAS",
  XES: "OECS",
  XIM: "Afreximbank",
  XMP: "Parliamentary Assembly of the Mediterranean",
  XOM: "Ordre souverain de Malte",
  XPO: "INTERPOL",
};

const TWO = new Map(
  CODES.trim()
    .split(/\s+/)
    .map((pair) => [pair.slice(0, 3), pair.slice(3)]),
);

/** Codes of ICAO Doc 9303-3 that are not states, in English. */
const PERSONS: Record<string, string> = {
  XXA: "Stateless person",
  XXB: "Refugee",
  XXC: "Refugee (other status)",
  XXX: "Unspecified nationality",
  GBD: "British Overseas Territories citizen",
  GBN: "British National (Overseas)",
  GBO: "British Overseas citizen",
  GBP: "British protected person",
  GBS: "British subject",
  UTO: "Utopia",
};

/**
 * Returns the name of a state or organisation in a language, from its code in the zone; undefined if
 * the code is unknown or is that of a group of persons. Names of organisations are in English.
 */
export function nameOfRegion(code: string, language: string): string | undefined {
  const two = TWO.get(code) ?? OWN[code];
  if (two === undefined) return ORGANISATIONS[code];
  return new Intl.DisplayNames(language, { type: "region", fallback: "none" }).of(two);
}

/**
 * Returns the name for a code of three letters as `issuer` and `nationality` hold it (ICAO Doc
 * 9303-3, section 5), or the code itself if it is unknown. States are named in the language, groups
 * of persons and organisations in English.
 */
export function nameOfState(code: string, language = "en"): string {
  return PERSONS[code] ?? nameOfRegion(code, language) ?? code;
}
