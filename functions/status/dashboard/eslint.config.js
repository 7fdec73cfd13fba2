import js from "@eslint/js";
import noUnsanitized from "eslint-plugin-no-unsanitized";
import reactHooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

// What stands in a sheet is untrusted: it becomes text nodes and nothing else.
const neverHtml = ["innerHTML", "outerHTML", "dangerouslySetInnerHTML", "srcdoc"];
const why = "Text of a sheet must never be read as HTML; let Preact make a text node of it.";

export default defineConfig(
  { ignores: ["dist/"] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  noUnsanitized.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: reactHooks.configs.flat.recommended.plugins,
    rules: {
      "react-hooks/rules-of-hooks": "error",
      "react-hooks/exhaustive-deps": "error",
      "no-restricted-properties": ["error", ...neverHtml.map((property) => ({ property, message: why }))],
      "no-restricted-syntax": [
        "error",
        { selector: `JSXAttribute[name.name=/^(${neverHtml.join("|")})$/]`, message: why },
        {
          selector: "CallExpression[callee.property.name=/^(insertAdjacentHTML|setHTMLUnsafe|write)$/]",
          message: why,
        },
        {
          selector: "JSXAttribute[name.name='style']",
          message: "Styles live in src/styles; see the policy in docs/DASHBOARD.md.",
        },
      ],
      "no-eval": "error",
      "no-console": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
    },
  },
  {
    // Scripts that drive a browser from outside: they print what they find.
    files: ["e2e/**", "eslint.config.js"],
    rules: { "no-console": "off" },
  },
);
