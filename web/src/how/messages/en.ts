/** The how-it-works view in English. */
export const en = {
  title: "How 4-bit arithmetic works",
  lead: "This page’s network multiplies 4-bit numbers. Try out three things: why that is fast, what it costs, and what the network sees.",
  laneTitle: "Two filters in one lane",
  laneText:
    "Processors multiply 8, 16 or 32 bits at a time, not 4. So a lane of 16 bits holds a weight of two filters at once, a + 256·b. After one multiplication and one multiply-add, both dot products stand side by side, each in its own half. Change the numbers: the halves never disturb each other.",
  x: "Activations, 0 to 15",
  a: "Filter A, −7 to 7",
  b: "Filter B, −7 to 7",
  laneOne: "lane₁",
  laneTwo: "lane₂",
  laneSum: "Sum",
  dotA: "Filter A, low half",
  dotB: "Filter B, high half",
  laneEnd:
    "Activations are centred first (x − 8), so that the sum of two products is at most 112 and fits a signed byte; 8·(w₁ + w₂) is known beforehand and added at the end. A negative low half borrows one from the high half; splitting the halves returns it.",
  weightsTitle: "What rounding costs",
  weightsText:
    "The weights of a layer of this reader, and the few values that remain of them. A small step keeps detail but cuts off large weights; a large step wastes codes. The best step is the one with the least squared error.",
  layer: "Layer",
  bits: "Bits",
  step: "Step",
  best: "Best step",
  used: "codes in use",
  signal: "signal over error",
  clipped: "of the weights cut off",
  size: "instead of {float} KiB as float",
  histogram:
    "Histogram of the weights with their codes: {bits} bits, {used} codes in use, {decibels} dB",
  weightsEnd:
    "Try other numbers of bits to see what each is worth. The shipped network was also trained for 4 bits, with a separate step for each filter. Rounding alone, as here, would lose more.",
  mapsTitle: "What a layer sees",
  mapsText:
    "A line of text on its way through the network: the output of one channel, at each precision. Each picture is scaled to its own brightest point.",
  following: "Passing a line through three networks…",
  failed: "This picture could not be processed: {message}",
  ofSpecimen: "This is a specimen. Read a picture of your own and come back to see that.",
  ofYours: "This is a line of the picture you read last. It stayed on this device.",
  channel: "Channel",
  f32: "Float",
  u8: "8 bits: up to 256 levels",
  u4: "4 bits: up to 16 levels",
  stripAlt: "The line as the network receives it",
  mapAlt: "Output of layer {layer}, channel {channel}, {precision}",
  mapsEnd:
    "The 4-bit network was trained separately, so its channels look similar but not the same.",
  ownTitle: "Train your own",
  ownText:
    "The engine also runs other convolutional networks, which you train in PyTorch and export with the tool of this project. The network of the first example reads digits; it was trained in a minute and takes 14 KB.",
  ownLink: "Draw a digit",
  codesLink: "Find QR codes with the camera",
};

/** Keys of the catalogue. */
export type HowKey = keyof typeof en;
