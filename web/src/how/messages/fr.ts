/** The how-it-works view in French. */
import type { HowKey } from "./en";

export const fr: Record<HowKey, string> = {
  title: "Le calcul à 4 bits",
  lead: "Le réseau de cette page multiplie des nombres de 4 bits. Trois choses à manipuler : pourquoi c’est rapide, ce que cela coûte et ce que voit le réseau.",
  laneTitle: "Deux filtres dans une voie",
  laneText:
    "Les processeurs multiplient 8, 16 ou 32 bits à la fois, pas 4. Une voie de 16 bits porte donc un poids de deux filtres, a + 256·b. Une multiplication et une multiplication-addition plus tard, les deux produits scalaires sont côte à côte, chacun dans sa moitié. Changez les nombres : les moitiés ne se gênent jamais.",
  x: "Activations, de 0 à 15",
  a: "Filtre A, de −7 à 7",
  b: "Filtre B, de −7 à 7",
  laneOne: "voie₁",
  laneTwo: "voie₂",
  laneSum: "Somme",
  dotA: "Filtre A, moitié basse",
  dotB: "Filtre B, moitié haute",
  laneEnd:
    "Les activations sont d’abord centrées (x − 8) : la somme de deux produits ne dépasse pas 112 et tient dans un octet signé ; 8·(w₁ + w₂) est connu d’avance et ajouté à la fin. Une moitié basse négative emprunte un à la moitié haute ; la lecture le rend.",
  weightsTitle: "Ce que coûte l’arrondi",
  weightsText:
    "Les poids d’une couche de ce lecteur, et les quelques valeurs qui en restent. Un petit pas garde le détail mais coupe les grands poids ; un grand pas gaspille des codes. Le meilleur pas est celui de la moindre erreur quadratique.",
  layer: "Couche",
  bits: "Bits",
  step: "Pas",
  best: "Meilleur pas",
  used: "codes utilisés",
  signal: "signal sur erreur",
  clipped: "des poids coupés",
  size: "au lieu de {float} Kio en flottants",
  histogram:
    "Histogramme des poids avec leurs codes : {bits} bits, {used} codes utilisés, {decibels} dB",
  weightsEnd:
    "Essayez d’autres nombres de bits pour voir ce que vaut chacun. Le réseau livré a en outre été entraîné à vivre avec ses 4 bits, avec un pas propre à chaque filtre ; l’arrondi seul, comme ici, perdrait davantage.",
  mapsTitle: "Ce que voit une couche",
  mapsText:
    "Une ligne de texte à travers le réseau : la sortie d’un canal à chaque précision. Chaque image va jusqu’à son propre point le plus clair.",
  following: "Une ligne traverse trois réseaux…",
  failed: "Cette image n’a pas pu être suivie : {message}",
  ofSpecimen: "Voici un spécimen. Lisez une image à vous puis revenez pour la voir.",
  ofYours: "Voici une ligne de la dernière image lue. Elle est restée sur cet appareil.",
  channel: "Canal",
  f32: "Flottants",
  u8: "8 bits : jusqu’à 256 niveaux",
  u4: "4 bits : jusqu’à 16 niveaux",
  stripAlt: "La ligne telle que le réseau la reçoit",
  mapAlt: "Sortie de la couche {layer}, canal {channel}, {precision}",
  mapsEnd: "Le réseau à 4 bits a été entraîné à part : ses canaux se ressemblent sans être égaux.",
  ownTitle: "Entraîner votre réseau",
  ownText:
    "Le moteur exécute aussi d’autres réseaux : des réseaux convolutifs que vous entraînez avec PyTorch et exportez avec l’outil de ce projet. Le réseau du premier exemple lit des chiffres ; il a été entraîné en une minute et pèse 14 Ko.",
  ownLink: "Dessiner un chiffre",
  codesLink: "Trouver des codes QR avec l’appareil photo",
};
