// What the page believes of the API (src/api/types.ts) against the API's own description (docs/openapi.json): every member
// that is read exists, and may be null where the API says so.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import ts from "typescript";

interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  allOf?: Schema[];
  oneOf?: Schema[];
  $ref?: string;
}

const file = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const { schemas } = (
  JSON.parse(file("../../../../docs/openapi.json")) as { components: { schemas: Record<string, Schema> } }
).components;

/** Names of ours that the description has for something else, or calls otherwise. */
const CALLED: Record<string, string> = {
  FindingSample: "Sample",
  Overview: "Syncs",
  RunDetail: "Detail",
  DryRun: "Plan",
  Entry: "Error",
  Entries: "Errors",
  Me: "Principal",
};
/** What the description leaves open: the content of a plan is described in docs/PROTOCOL.md. */
const OPEN = ["Plan", "PlanColumn", "Sample", "Surroundings"];

interface Member {
  name: string;
  nullable: boolean;
  optional: boolean;
}

const source = ts.createSourceFile("types.ts", file("../src/api/types.ts"), ts.ScriptTarget.Latest, true);
const interfaces = new Map(
  source.statements.filter(ts.isInterfaceDeclaration).map((it) => [it.name.text, it] as const),
);

function members(of: ts.InterfaceDeclaration): Member[] {
  const inherited = (of.heritageClauses ?? []).flatMap((clause) =>
    clause.types.flatMap((type) => {
      const parent = interfaces.get(type.expression.getText());
      return parent === undefined ? [] : members(parent);
    }),
  );
  const own = of.members.filter(ts.isPropertySignature).map((it) => ({
    name: it.name.getText(),
    nullable: /\bnull\b/.test(it.type?.getText() ?? ""),
    optional: it.questionToken !== undefined,
  }));
  return [...inherited, ...own];
}

function properties(schema: Schema): Record<string, Schema> {
  if (schema.$ref !== undefined) return properties(schemas[schema.$ref.split("/").at(-1) ?? ""] ?? {});
  return Object.assign({}, ...(schema.allOf ?? []).map(properties), schema.properties) as Record<
    string,
    Schema
  >;
}

function nullable(schema: Schema): boolean {
  if (schema.oneOf !== undefined) return schema.oneOf.some(nullable);
  // Without a type it may be anything.
  return schema.$ref === undefined && (schema.type === undefined || [schema.type].flat().includes("null"));
}

const checked = [...interfaces.keys()].filter((name) => !OPEN.includes(name));

test.each(checked)("%s is what the API answers", (name) => {
  const described = schemas[CALLED[name] ?? name];
  expect(described, `docs/openapi.json describes no ${CALLED[name] ?? name}`).toBeDefined();
  const there = properties(described ?? {});
  const ours = interfaces.get(name);
  for (const member of ours === undefined ? [] : members(ours)) {
    const schema = there[member.name];
    expect(schema, `${name}.${member.name} is not in the API`).toBeDefined();
    if (schema !== undefined && !member.optional) {
      expect(member.nullable, `${name}.${member.name} may be null`).toBe(nullable(schema));
    }
  }
});
