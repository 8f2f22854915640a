/** The link to the repository in the foot of the page, where the package names one. */

/** What `repository` of a package.json may be. */
export type Repository = string | { url?: string } | undefined;

/**
 * Returns the address to which a link may lead; undefined if there is none. `owner/name` means
 * GitHub, as for npm.
 */
export function addressOf(repository: Repository): string | undefined {
  const text = typeof repository === "object" ? repository.url : repository;
  if (text === undefined) return undefined;
  const short = /^(?:github:)?([\w.-]+\/[\w.-]+)$/.exec(text);
  if (short !== null) return `https://github.com/${short[1]}`;
  const address = text.replace(/^git\+/, "").replace(/\.git$/, "");
  return URL.canParse(address) && address.startsWith("https://") ? address : undefined;
}

/** Puts the link in the place that index.html has for it, or takes that place out. */
export function withRepository(html: string, repository: Repository): string {
  const address = addressOf(repository);
  return html.replace(/\s*<!-- repository -->/, () => {
    if (address === undefined) return "";
    const href = address.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    return `\n<a id="repository" href="${href}" data-shell="repository">Source code</a>`;
  });
}
