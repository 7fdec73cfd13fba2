// What the comparison of sheet and table in full found: what should not be first.

import type { Finding, Verification } from "../api/types";
import { useText } from "../i18n";
import { Badge, Time } from "../ui/basics";
import { Value } from "../ui/value";
import { sentence } from "./sync-facts";

export function VerificationCard({ verification }: { verification: Verification }) {
  const { m, f } = useText();
  const { verdict, findings } = verification;
  const differences = findings.filter((it) => !it.allowed).reduce((sum, it) => sum + it.count, 0);
  const how =
    verdict === "different"
      ? ({ tone: "bad", icon: "unhealthy" } as const)
      : ({ tone: "good", icon: "healthy" } as const);
  return (
    <section class="card" aria-labelledby="verification">
      <h2 id="verification">{m.verification.title}</h2>
      <p>
        <Badge {...how}>{m.sync.verified[verdict](f.count(differences))}</Badge>{" "}
        {m.verification.compared(f.count(verification.rowsCompared))} <Time at={verification.readAt} />
      </p>
      {findings.length > 0 && (
        <ul class="findings">
          {findings.map((finding) => (
            <FindingItem key={`${finding.explanation} ${finding.column ?? ""}`} finding={finding} />
          ))}
        </ul>
      )}
    </section>
  );
}

function FindingItem({ finding }: { finding: Finding }) {
  const { m, f } = useText();
  return (
    <li>
      <Badge tone={finding.allowed ? "quiet" : "bad"}>
        {finding.allowed ? m.verification.allowed : m.verification.wrong}
      </Badge>{" "}
      <strong>{f.count(finding.count)}</strong> {finding.column !== null && <code>{finding.column}</code>}{" "}
      {sentence(finding.explanation)}
      <ul class="samples">
        {finding.samples.map((sample, index) => (
          <li key={index}>
            <code>{sample.cell ?? sample.rowKey}</code>
            {finding.column !== null && (
              <>
                {" "}
                {m.verification.table}: <Value of={sample.table} /> {m.verification.sheet}:{" "}
                <Value of={sample.sheet} />
              </>
            )}
          </li>
        ))}
      </ul>
    </li>
  );
}
