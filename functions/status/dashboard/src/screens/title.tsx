// A screen's heading: also the window's title, and where the focus goes when one arrives.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { useText } from "../i18n";

export function Title({ text, children }: { text: string; children?: ComponentChildren }) {
  const { m } = useText();
  useEffect(() => {
    document.title = `${text} · ${m.product}`;
  }, [text, m]);
  return (
    <div class="title">
      <h1 tabIndex={-1}>{text}</h1>
      {children}
    </div>
  );
}

export function Breadcrumb({ steps }: { steps: { name: string; href: string }[] }) {
  const { m } = useText();
  return (
    <nav class="breadcrumb" aria-label={m.nav.breadcrumb}>
      <ol>
        {steps.map((step) => (
          <li key={step.href}>
            <a href={step.href}>{step.name}</a>
          </li>
        ))}
      </ol>
    </nav>
  );
}
