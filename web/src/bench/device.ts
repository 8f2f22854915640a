/** Names this device, as far as the browser reveals it. */

/**
 * The part of User-Agent Client Hints used here. Chromium has it, TypeScript's DOM library does
 * not.
 */
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

/** Fictitious brands that browsers insert, so that sites do not rely on the list. */
const MADE_UP = /not.?a.?brand/i;

/**
 * Returns phone model, system and browser if the browser reveals them; otherwise its user agent.
 */
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
