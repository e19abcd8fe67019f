import type { Judgement, Observed } from '../../model/check.ts';
import { earlier } from '../../model/observation.ts';
import { notKnown } from '../judging.ts';
import { earlierInfo, info, sameServer } from '../storage/redisFacts.ts';
import { redisStream } from './snapshot.ts';
import type { StreamSnapshot } from './snapshot.ts';

/** Every look at a stream that was taken in this run, in order, and what an earlier run saw. */
export interface Looks {
  readonly taken: readonly [StreamSnapshot, ...StreamSnapshot[]];
  readonly latest: StreamSnapshot;
  readonly before: StreamSnapshot | undefined;
  /** True when the same server process answered then and now. */
  readonly sameServer: boolean;
}

/** What a check that judges a stream's changes asks: the stream, what an earlier run saw of it, and whether Redis was restarted since. */
export const looksAsked = (stream: string) => [redisStream.of(stream), earlier(redisStream.of(stream)), info, earlierInfo] as const;

/** Judges by all looks; without an answer to one of them nothing is known. */
export function whenLooked(observed: Observed, stream: string, judge: (looks: Looks) => Judgement): Judgement {
  const first = observed.get(redisStream.of(stream));
  if (first.outcome.kind !== 'answer') return notKnown(first);
  const taken: [StreamSnapshot, ...StreamSnapshot[]] = [first.outcome.value];
  for (let look = 2; ; look += 1) {
    const next = observed.find(redisStream.of(stream, look));
    if (!next) break;
    if (next.outcome.kind !== 'answer') return notKnown(next);
    taken.push(next.outcome.value);
  }
  const { outcome } = observed.get(earlier(redisStream.of(stream)));
  const server = observed.get(info).outcome;
  return judge({
    taken,
    latest: taken.at(-1) ?? taken[0],
    before: outcome.kind === 'answer' ? outcome.value : undefined,
    sameServer: server.kind === 'answer' && sameServer(observed.get(earlierInfo), server.value) !== undefined,
  });
}
