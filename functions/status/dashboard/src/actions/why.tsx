// The reason that goes into the audit log.

import { useId } from "preact/hooks";
import { useText } from "../i18n";

/** `optional`: a note that may be left blank. */
export function Why(props: {
  value: string;
  onInput: (value: string) => void;
  missing: boolean;
  optional?: boolean;
}) {
  const { m } = useText();
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.optional === true ? m.why.note : m.why.label}</label>
      <input
        id={id}
        type="text"
        maxLength={200}
        value={props.value}
        autocomplete="off"
        aria-describedby={`${id}-hint`}
        aria-invalid={props.missing}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <span
        class={props.missing ? "field-problem" : "note"}
        id={`${id}-hint`}
        role={props.missing ? "alert" : undefined}
      >
        {props.missing ? m.why.needed : m.why.hint}
      </span>
    </div>
  );
}

/** A choice that explains itself. */
export function Choices<T extends string>(props: {
  legend: string;
  value: T;
  options: { value: T; label: string; hint: string }[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class="choices">
      <legend>{props.legend}</legend>
      {props.options.map((option) => (
        <label key={option.value}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === props.value}
            onChange={() => props.onChange(option.value)}
          />
          <span>
            <strong>{option.label}</strong>
            <span class="note">{option.hint}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
