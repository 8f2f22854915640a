/** The how-it-works view in German. */
import type { HowKey } from "./en";

export const de: Record<HowKey, string> = {
  title: "So rechnet man mit 4 Bit",
  lead: "Das Netz dieser Seite multipliziert Zahlen von 4 Bit. Drei Dinge zum Ausprobieren: warum das schnell ist, was es kostet und was das Netz sieht.",
  laneTitle: "Zwei Filter in einer Spur",
  laneText:
    "Prozessoren multiplizieren 8, 16 oder 32 Bit auf einmal, nicht 4. Darum hält eine Spur von 16 Bit je ein Gewicht zweier Filter, a + 256·b. Eine Multiplikation und eine weitere mit Addition später stehen beide Skalarprodukte nebeneinander, jedes in seiner Hälfte. Ändern Sie die Zahlen: Die Hälften stören sich nie.",
  x: "Aktivierungen, 0 bis 15",
  a: "Filter A, −7 bis 7",
  b: "Filter B, −7 bis 7",
  laneOne: "Spur₁",
  laneTwo: "Spur₂",
  laneSum: "Summe",
  dotA: "Filter A, untere Hälfte",
  dotB: "Filter B, obere Hälfte",
  laneEnd:
    "Aktivierungen werden erst zentriert (x − 8), damit die Summe zweier Produkte höchstens 112 ist und in ein Byte mit Vorzeichen passt; 8·(w₁ + w₂) ist vorher bekannt und kommt am Ende dazu. Eine negative untere Hälfte borgt sich eins von der oberen; beim Ablesen kommt es zurück.",
  weightsTitle: "Was das Runden kostet",
  weightsText:
    "Die Gewichte einer Schicht dieses Lesers und die wenigen Werte, die von ihnen bleiben. Ein kleiner Schritt bewahrt Feinheiten, schneidet aber große Gewichte ab; ein großer verschwendet Codes. Der beste Schritt hat den kleinsten quadratischen Fehler.",
  layer: "Schicht",
  bits: "Bits",
  step: "Schritt",
  best: "Bester Schritt",
  used: "Codes in Gebrauch",
  signal: "Signal zu Fehler",
  clipped: "der Gewichte abgeschnitten",
  size: "statt {float} KiB als Gleitkomma",
  histogram:
    "Histogramm der Gewichte mit ihren Codes: {bits} Bit, {used} Codes in Gebrauch, {decibels} dB",
  weightsEnd:
    "Probieren Sie aus, was jedes Bit bringt. Das ausgelieferte Netz wurde außerdem darauf trainiert, mit 4 Bit zu leben, mit einem eigenen Schritt je Filter; Runden allein, wie hier, verlöre mehr.",
  mapsTitle: "Was eine Schicht sieht",
  mapsText:
    "Eine Textzeile auf ihrem Weg durch das Netz: die Ausgabe eines Kanals bei jeder Genauigkeit. Jedes Bild reicht bis zu seiner eigenen hellsten Stelle.",
  following: "Eine Zeile wird durch drei Netze verfolgt …",
  failed: "Dieses Bild ließ sich nicht verfolgen: {message}",
  ofSpecimen:
    "Das ist ein Muster. Lesen Sie ein eigenes Bild und kommen Sie zurück, um dieses zu sehen.",
  ofYours: "Das ist eine Zeile des zuletzt gelesenen Bildes. Es blieb auf diesem Gerät.",
  channel: "Kanal",
  f32: "Gleitkomma",
  u8: "8 Bit: bis zu 256 Stufen",
  u4: "4 Bit: bis zu 16 Stufen",
  stripAlt: "Die Zeile, wie das Netz sie bekommt",
  mapAlt: "Ausgabe von Schicht {layer}, Kanal {channel}, {precision}",
  mapsEnd:
    "Das 4-Bit-Netz wurde eigens trainiert, daher ähneln sich seine Kanäle, ohne gleich zu sein.",
  ownTitle: "Ein eigenes Netz trainieren",
  ownText:
    "Auch andere Faltungsnetze laufen hier: Sie trainieren sie in PyTorch und exportieren sie mit dem Werkzeug dieses Projekts. Das Netz des ersten Beispiels liest Ziffern; es wurde in einer Minute trainiert und belegt 14 KB.",
  ownLink: "Eine Ziffer zeichnen",
  codesLink: "QR-Codes mit der Kamera finden",
};
