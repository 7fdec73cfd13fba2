// The server's time, so that "3 min ago" is right on a device whose clock is not.

import { useEffect, useState } from "preact/hooks";

let offset = 0;

/** Sets the clock to the server's time. */
export function set(serverNow: string): void {
  const at = Date.parse(serverNow);
  if (!Number.isNaN(at)) offset = at - Date.now();
}

export const now = (): number => Date.now() + offset;

/** Seconds since a moment of the server's. */
export const secondsSince = (moment: string): number => (now() - Date.parse(moment)) / 1000;

/** Renders the caller again each second. */
export function useSeconds(): void {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || tick((n) => n + 1), 1000);
    return () => clearInterval(timer);
  }, []);
}
