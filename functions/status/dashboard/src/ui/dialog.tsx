// The browser's own modal dialog: it keeps the focus inside and closes on Escape; the focus goes back to where it was.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useText } from "../i18n";
import { Icon } from "./icons";

export function Dialog(props: {
  title: string;
  onClose: () => void;
  wide?: boolean;
  children: ComponentChildren;
}) {
  const { m } = useText();
  const ref = useRef<HTMLDialogElement>(null);
  const title = useId();
  const heading = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    heading.current?.focus();
    return () => {
      dialog?.close();
      // The browser gives the focus back only if the dialog is still in the page by now.
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);

  // The step of a dialog that takes the place of another one begins at its title.
  useEffect(() => heading.current?.focus(), [props.title]);

  return (
    <dialog
      ref={ref}
      class={props.wide === true ? "wide" : ""}
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <header>
        <h2 id={title} tabIndex={-1} ref={heading}>
          {props.title}
        </h2>
        <button type="button" class="button icon-only" aria-label={m.close} onClick={props.onClose}>
          <Icon name="close" />
        </button>
      </header>
      {props.children}
    </dialog>
  );
}

export function DialogActions({ children }: { children: ComponentChildren }) {
  return <footer>{children}</footer>;
}
