// The few signs that the screens use, drawn here so that no font and no picture has to be loaded.

const PATHS = {
  healthy: "M5 12.5l4.5 4.5L19 7.5",
  degraded: "M12 4 2.5 20h19L12 4zM12 10.5v4m0 2.6v.01",
  unhealthy: "M7 7l10 10M17 7L7 17",
  unknown: "M9.2 9.2a2.8 2.8 0 1 1 4 3.2c-.9.5-1.2 1-1.2 1.9m0 3.2h.01",
  running: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 8v4.2l2.8 1.8",
  external: "M14 5h5v5m0-5l-8 8M11 6H6v12h12v-5",
  settings:
    "M3 7h9m5 0h4M3 17h4m5 0h9M14.5 4.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM9.5 14.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  sync: "M4 12a8 8 0 0 1 13.7-5.6L20 8.5m0-4.5v4.5h-4.5M20 12a8 8 0 0 1-13.7 5.6L4 15.5m0 4.5v-4.5h4.5",
  close: "M6 6l12 12M18 6L6 18",
  right: "M9 6l6 6-6 6",
  arrow: "M5 12h14m-5-5l5 5-5 5",
  download: "M12 4v11m-4-4l4 4 4-4M5 20h14",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M8 11h12m0 0-3.5-3.5M20 11l-3.5 3.5M24 21H12m0 0 3.5-3.5M12 21l3.5 3.5" />
    </svg>
  );
}
