import { gatewayMissesSts } from './effects.ts';
import { all, ids } from './fault.ts';
import type { Decoy, Fault } from './fault.ts';
import { figures } from './groups.ts';

export const readinessFaults: readonly Fault[] = [
  {
    id: 'sts-down',
    title: 'The STS is down',
    contract: 'readiness.md 2.4, row STS process',
    verdicts: {
      ...all('fail', ...ids('RDY', 11, 23, 90)),
      ...all('blocked', ...ids('RDY', 12, 13, 14), ...figures.sts, ...ids('SVC', 13, 15)),
    },
    inject: async (lab) => {
      await lab.services.sts.kill();
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'sts-frozen',
    title: 'The STS accepts connections and answers nothing',
    contract: 'readiness.md 2.4, row STS process, last column',
    verdicts: {
      ...all('fail', ...ids('RDY', 11, 23, 90)),
      ...all('blocked', ...ids('RDY', 12, 13, 14), ...figures.sts, ...ids('SVC', 13, 15)),
    },
    inject: async (lab) => {
      await lab.services.sts.freeze();
      await gatewayMissesSts(lab);
    },
  },
  {
    id: 'gateway-blackholed',
    title: 'Packets to the Gateway are dropped',
    contract: 'readiness.md 2.4, last column',
    verdicts: { 'CRC-RDY-021': 'fail', ...all('blocked', ...ids('RDY', 22, 23, 24), ...figures.gateway) },
    inject: (lab) => lab.blackhole('gateway'),
  },
];

export const readinessDecoys: readonly Decoy[] = [];
