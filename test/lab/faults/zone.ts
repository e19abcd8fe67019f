import type { Decoy, Fault } from './fault.ts';

export const zoneFaults: readonly Fault[] = [
  {
    id: 'application-expired',
    title: 'A managed application of the zone has come to its end',
    contract: 'storage-and-streams.md 5.4, applications.expires_at; request-evidence.md 14, what no check covers',
    verdicts: { 'CRC-SVC-062': 'warn' },
    inject: async (lab) => {
      const id = lab.seeded.payments.applications['ledger']?.id;
      await lab.sql("UPDATE applications SET expires_at = now() - interval '1 minute' WHERE id = $1", [id]);
    },
  },
];

export const zoneDecoys: readonly Decoy[] = [
  {
    id: 'registered-application-expired',
    title: 'An application of dynamic registration has come to its end, as they all do',
    contract: 'storage-and-streams.md 5.4, applications.expires_at: required for dcr',
    inject: async (lab) => {
      await lab.sql(
        `INSERT INTO applications (id, zone_id, name, registration_method, expires_at)
         VALUES (gen_random_uuid()::text, $1, 'visitor', 'dcr', now() - interval '1 minute')`,
        [lab.zoneId],
      );
    },
  },
];
