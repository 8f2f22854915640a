// Lints `web`, `wasm/npm` and `examples`: `npm run lint` starts it at the root of the repository.
import js from "@eslint/js";
import globals from "globals";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["web/dist", "web/pkg", "**/node_modules", "wasm/npm/src/*engine.*"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommended],
    languageOptions: {
      parserOptions: { projectService: { allowDefaultProject: ["vite.config.ts"] } },
    },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      // A promise that nobody waits for loses its error.
      "@typescript-eslint/no-floating-promises": "error",
    },
  },
  {
    // Runs in shells of engines too; these are those of JavaScriptCore's.
    files: ["web/tests/shell.mjs"],
    languageOptions: { globals: { print: "readonly", preciseTime: "readonly", read: "readonly" } },
  },
  {
    // Functions given to `page.evaluate` run in the page.
    files: ["**/*.{js,mjs}"],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    // A property is named here to be left out of the others.
    rules: { "no-unused-vars": ["error", { ignoreRestSiblings: true }] },
  },
);
