/** The name of this device, as far as the browser tells one. */

/** Part of User-Agent Client Hints that is used here; Chromium has it, the DOM library does not. */
interface AgentData {
  brands: { brand: string; version: string }[];
  getHighEntropyValues(hints: string[]): Promise<{
    model?: string;
    platform?: string;
    platformVersion?: string;
    architecture?: string;
    bitness?: string;
  }>;
}

/** Brands that browsers make up, so that nobody relies on the list. */
const MADE_UP = /not.?a.?brand/i;

/** Phone model, system and browser where the browser tells them; its user agent otherwise. */
export async function deviceName(): Promise<string> {
  const data = (navigator as Navigator & { userAgentData?: AgentData }).userAgentData;
  if (data === undefined) return navigator.userAgent;
  const { model, platform, platformVersion, architecture, bitness } =
    await data.getHighEntropyValues(["model", "platformVersion", "architecture", "bitness"]);
  const browser = data.brands.filter(({ brand }) => !MADE_UP.test(brand)).at(-1);
  const parts = [
    model,
    [platform, platformVersion].filter(Boolean).join(" "),
    [architecture, bitness].filter(Boolean).join(" "),
    browser === undefined ? "" : `${browser.brand} ${browser.version}`,
  ];
  return parts.filter(Boolean).join(", ") || navigator.userAgent;
}
