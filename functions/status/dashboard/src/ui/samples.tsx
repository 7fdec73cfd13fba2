// A value of the table beside the one of the sheet, with the heads of both.

import type { Value as Json } from "../api/types";
import { useText } from "../i18n";
import { Icon } from "./icons";
import { Value } from "./value";

/** For the eye only: beside each value its head stands for those who hear it. */
export function SampleHead() {
  const { m } = useText();
  return (
    <li class="head" aria-hidden="true">
      <span class="at" />
      <span class="old">{m.plan.old}</span>
      <Icon name="arrow" />
      <span class="new">{m.plan.new}</span>
    </li>
  );
}

export function SamplePair(props: { old: Json; new: Json; isNumber: boolean }) {
  const { m } = useText();
  return (
    <>
      <span class="old">
        <span class="visually-hidden">{m.plan.old}: </span>
        <Value of={props.old} isNumber={props.isNumber} />
      </span>
      <Icon name="arrow" />
      <span class="new">
        <span class="visually-hidden">{m.plan.new}: </span>
        <Value of={props.new} isNumber={props.isNumber} />
      </span>
    </>
  );
}
