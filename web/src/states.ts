/** Names of states, from the three-letter codes of ICAO Doc 9303, part 3. */
import { language } from "./language";
import { t, type Key } from "./messages";

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

/** ICAO codes that are not states, with keys of the page's texts. */
const PERSONS: Record<string, Key> = {
  XXA: "stateless",
  XXB: "refugee",
  XXC: "refugeeOther",
  XXX: "unspecifiedState",
  GBD: "GBD",
  GBN: "GBN",
  GBO: "GBO",
  GBP: "GBP",
  GBS: "GBS",
  UTO: "UTO",
};

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

function name(code: string): string | undefined {
  const own = PERSONS[code];
  if (own !== undefined) return t(own);
  const two = TWO.get(code) ?? OWN[code];
  if (two === undefined) return ORGANISATIONS[code];
  return new Intl.DisplayNames(language(), { type: "region", fallback: "none" }).of(two);
}

/**
 * Returns the name in the page's language followed by the code, or the code alone if it is unknown.
 */
export function nameOfState(code: string): string {
  const known = name(code);
  return known === undefined ? code : `${known} (${code})`;
}
