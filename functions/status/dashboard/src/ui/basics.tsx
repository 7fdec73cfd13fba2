// Small parts that every screen is made of.

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import type { Failure } from "../api/client";
import type { Health, RunStatus, Unreachable } from "../api/types";
import { secondsSince, useSeconds } from "../clock";
import { useText } from "../i18n";
import type { Around } from "../i18n/en";
import { failureText } from "../i18n/code-text";
import { Icon, type IconName } from "./icons";

export type Tone = "good" | "warn" | "bad" | "info" | "quiet";

const HEALTH: Record<Health, { tone: Tone; icon: IconName }> = {
  healthy: { tone: "good", icon: "healthy" },
  degraded: { tone: "warn", icon: "degraded" },
  unhealthy: { tone: "bad", icon: "unhealthy" },
  unknown: { tone: "quiet", icon: "unknown" },
};

const STATUS: Record<RunStatus, { tone: Tone; icon: IconName }> = {
  queued: { tone: "info", icon: "running" },
  in_progress: { tone: "info", icon: "running" },
  completed: { tone: "good", icon: "healthy" },
  partial: { tone: "warn", icon: "degraded" },
  failed: { tone: "bad", icon: "unhealthy" },
  superseded: { tone: "quiet", icon: "right" },
};

/** A word in a colour with a sign: never the colour alone. */
export function Badge(props: { tone: Tone; icon?: IconName; title?: string; children: ComponentChildren }) {
  return (
    <span class={`badge ${props.tone}`} title={props.title}>
      {props.icon && <Icon name={props.icon} />}
      {props.children}
    </span>
  );
}

export function HealthBadge({ health }: { health: Health }) {
  const { m } = useText();
  return <Badge {...HEALTH[health]}>{m.health[health]}</Badge>;
}

export function StatusBadge({ status }: { status: RunStatus }) {
  const { m } = useText();
  return (
    <Badge {...STATUS[status]} title={m.statusHint[status]}>
      {m.status[status]}
    </Badge>
  );
}

/** "3 min ago", kept true; the exact time is in the title. */
export function Ago({ at, around = ["", ""] }: { at: string | null; around?: Around }) {
  const { m, f } = useText();
  useSeconds();
  if (at === null) return <>{m.ago.never}</>;
  const seconds = secondsSince(at);
  return (
    <>
      {around[0]}
      <time dateTime={at} title={f.exactTime(at)}>
        {seconds < 2 ? m.ago.now : f.ago(seconds)}
      </time>
      {around[1]}
    </>
  );
}

/** "2 h 13 min", growing: for how long something has been as it is. */
export function Elapsed({ since, around }: { since: string; around: Around }) {
  const { f } = useText();
  useSeconds();
  return (
    <span>
      {around[0]}
      <time dateTime={since} title={f.exactTime(since)}>
        {f.duration(Math.max(0, Math.floor(secondsSince(since))))}
      </time>
      {around[1]}
    </span>
  );
}

export function Time({ at, exact = false }: { at: string | null; exact?: boolean }) {
  const { m, f } = useText();
  if (at === null) return <>{m.none}</>;
  return <time dateTime={at}>{exact ? f.exactTime(at) : f.dateTime(at)}</time>;
}

/** A number with its name. `hint` explains the name on demand. */
export function Fact(props: {
  name: string;
  hint?: string;
  tone?: Tone;
  children: ComponentChildren;
  note?: ComponentChildren;
}) {
  const { m } = useText();
  const [asked, setAsked] = useState(false);
  const id = useId();
  return (
    <div class={`fact ${props.tone ?? ""}`}>
      <dt>
        {props.name}
        {props.hint !== undefined && (
          <button
            type="button"
            class="ask"
            aria-label={m.sync.explain(props.name)}
            aria-expanded={asked}
            aria-controls={id}
            onClick={() => setAsked(!asked)}
          >
            <Icon name="unknown" />
          </button>
        )}
      </dt>
      {asked && (
        <dd class="note" id={id}>
          {props.hint}
        </dd>
      )}
      <dd>{props.children}</dd>
      {props.note !== undefined && <dd class="note">{props.note}</dd>}
    </div>
  );
}

export function Empty(props: { title: string; hint?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.hint !== undefined && <p>{props.hint}</p>}
      {props.children}
    </div>
  );
}

/** Holds the place of what is being loaded. */
export function Loading({ rows = 3 }: { rows?: number }) {
  const { m } = useText();
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">{m.loading}</span>
      {Array.from({ length: rows }, (_, row) => (
        <div class="bone" key={row} />
      ))}
    </div>
  );
}

/** Technical information for engineers, in English: closed by default. */
export function Technical({ code, message }: { code: string; message?: string | null }) {
  const { m } = useText();
  return (
    <details class="technical">
      <summary>{m.technical}</summary>
      {message != null && <span lang="en">{message} </span>}
      <code>{code}</code>
    </details>
  );
}

export function Problem(props: { title?: string; failure: Failure; retry?: () => void }) {
  const text = useText();
  const { m } = text;
  const { kind, code, message } = props.failure;
  return (
    <div class="notice bad" role="alert">
      <Icon name="unhealthy" />
      <div>
        <p class="notice-title">{props.title ?? m.failure.title}</p>
        <p>{failureText(text, props.failure)}</p>
        {(kind === "refused" || kind === "broken") && <Technical code={code} message={message} />}
        {props.retry && (
          <button type="button" class="button small" onClick={props.retry}>
            {m.retry}
          </button>
        )}
      </div>
    </div>
  );
}

/** Says that what is on the screen is old. */
export function Stale({ failure, at }: { failure: Failure | null; at: number }) {
  const { m, f } = useText();
  useSeconds();
  if (failure === null) return null;
  return (
    <p class="notice warn" role="status">
      <Icon name="degraded" />
      <span>{m.failure.stale(f.ago((Date.now() - at) / 1000))}</span>
    </p>
  );
}

export function CouldNotReach({ parts }: { parts: Unreachable[] }) {
  const { m } = useText();
  if (parts.length === 0) return null;
  return (
    <div class="notice warn" role="status">
      <Icon name="degraded" />
      <div>
        <p class="notice-title">{m.unreachable.title}</p>
        <ul>
          {parts.map((part) => (
            <li key={part.what}>{m.unreachable[part.what] ?? part.message}</li>
          ))}
        </ul>
      </div>
    </div>
  );
}

/** A link to another site. */
export function Outside({
  href,
  label,
  children,
}: {
  href: string;
  label?: string;
  children: ComponentChildren;
}) {
  const { m } = useText();
  // Only the web: whatever the API gives, a link never runs anything.
  if (!/^https?:\/\//i.test(href)) return <>{children}</>;
  return (
    <a
      class="outside"
      href={href}
      target="_blank"
      rel="noreferrer noopener"
      aria-label={label && `${label} ${m.newTab}`}
    >
      {children}
      <Icon name="external" />
    </a>
  );
}

export function Select<T extends string>(props: {
  label: string;
  value: T;
  options: { value: T; label: string }[];
  onChange: (value: T) => void;
}) {
  const id = useId();
  return (
    <div class="field inline">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        onChange={(event) => props.onChange(event.currentTarget.value as T)}
      >
        {props.options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** One of a few, side by side. */
export function Segments<T extends string>(props: {
  label: string;
  value: T;
  options: { value: T; label: string }[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class="segments">
      <legend class="visually-hidden">{props.label}</legend>
      {props.options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === props.value}
            onChange={() => props.onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
