import type { FleetDesk } from "../app/ports.ts";

/** Named points at which a test may end the process: a goal is on the disk and not yet sent, a report is recorded and not yet answered. */
export function withPoints(desk: FleetDesk, failpoint: ((name: string) => void) | undefined): FleetDesk {
  if (failpoint === undefined) return desk;
  return {
    ...desk,
    desired(host) {
      const picture = desk.desired(host);
      failpoint("goal.before_send");
      return picture;
    },
    observed(host, picture) {
      desk.observed(host, picture);
      failpoint("report.after_commit");
    },
  };
}
