// How a sync has been: four charts over a time. The library that draws them is loaded when they are first shown.

import { useEffect, useState } from "preact/hooks";
import { Failure } from "../api/client";
import type { Range, Statistics } from "../api/types";
import { useSigned } from "../context";
import { useText } from "../i18n";
import { Problem } from "../ui/basics";
import type { Chart } from "../charts/chart";
import { charts } from "../charts/series";

type ChartPart = typeof Chart;

/** `version` changes when a run has ended. */
export function Charts({ sync, range, version }: { sync: string; range: Range; version: string }) {
  const { m, f } = useText();
  const { api } = useSigned();
  const [part, setPart] = useState<{ Chart: ChartPart } | null>(null);
  const [data, setData] = useState<Statistics | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    void import("../charts/chart").then(({ Chart }) => setPart({ Chart }));
  }, []);
  useEffect(() => {
    const gone = new AbortController();
    setFailure(null);
    api.statistics(sync, range, gone.signal).then(setData, (error: unknown) => {
      if (!gone.signal.aborted && error instanceof Failure) setFailure(error);
    });
    return () => gone.abort();
  }, [api, sync, range, version, turn]);

  if (failure !== null) return <Problem failure={failure} retry={() => setTurn((n) => n + 1)} />;
  const ready = part !== null && data !== null;
  return (
    <div class="charts" aria-busy={!ready}>
      {data === null || part === null
        ? [0, 1, 2, 3].map((n) => <div class="card chart bone" key={n} />)
        : charts(data, m, f).map((chart) => (
            <part.Chart
              key={chart.id}
              {...chart}
              span={[Date.parse(data.from) / 1000, Date.parse(data.to) / 1000]}
              rangeName={m.page.ranges[data.range]}
            />
          ))}
    </div>
  );
}
