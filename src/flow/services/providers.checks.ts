import * as z from 'zod';
import type { Check, Fact, Judgement } from '../../model/check.ts';
import { subject } from '../../model/observation.ts';
import { finding, whenAnswered } from '../judging.ts';
import { postgresAuthenticationId } from '../storage/postgres.checks.ts';
import { redisAuthenticationId } from '../storage/redis.checks.ts';
import { count, milliseconds } from '../words.ts';
import { asksVisibility, whenVisible } from './visible.ts';

/** Kinds whose credential the STS fetches or refreshes itself: Caracal services/sts/internal/refresh.go:166, exchange.go:1175. */
export const refreshingKinds = ['oauth2_authorization_code', 'oauth2_client_credentials'] as const;

/** Providers that are looked at; a deployment has a handful. */
export const providersSeen = 50;

/** Live providers of all zones that can be found broken: those of a refreshing kind, and those whose last test failed. */
export const providers = subject(
  'postgres.providers',
  z.object({
    providers: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        zone: z.string(),
        kind: z.string(),
        /** How long ago its last connectivity test failed; null when it passed, or none was made. */
        failedMs: z.number().nullable(),
        /** Whether a live resource takes its credential from it. */
        used: z.boolean(),
        /** Whether anybody has a connection that is active. */
        connected: z.boolean(),
        /** State of the newest connection that all subjects share; null when none was ever made. */
        shared: z.string().nullable(),
      }),
    ),
  }),
);

/** Ids of providers whose circuit is open, among those that `of` names, joined by commas. */
export const openCircuits = subject('redis.providerCircuits', z.object({ open: z.array(z.string()) }));

const providerTables = ['providers', 'resources', 'provider_connections'];

type Provider = z.infer<typeof providers.schema>['providers'][number];

const question = providers.of('Postgres');

const factsOf = (found: readonly Provider[]): readonly Fact[] =>
  found.map(({ name, kind, zone, used, shared, connected }) => ({
    name,
    value: `${kind} of zone ${zone}${used ? '' : ', no resource uses it'}${shared === null ? '' : `, shared connection ${shared}`}${connected ? '' : ', nobody connected'}`,
  }));

function judgeConnections(found: readonly Provider[]): Judgement {
  const facts = factsOf(found);
  const cut = found.filter(({ kind, used, connected, shared }) => kind === 'oauth2_authorization_code' && used && !connected && shared !== null);
  const [first] = cut;
  if (first) {
    return finding(
      'fail',
      `${first.name}: shared connection ${first.shared ?? ''}${cut.length > 1 ? `, and ${cut.length - 1} more` : ''}`,
      'Everybody used one connection to this provider, it has ended, and nobody has another. Each call to a resource behind it is refused until somebody connects again.',
      facts,
    );
  }
  const failing = found.filter(({ failedMs }) => failedMs !== null);
  const [failed] = failing;
  if (failed) {
    return finding(
      'warn',
      `${failed.name}: last test failed ${milliseconds(failed.failedMs ?? 0)} ago${failing.length > 1 ? `, and ${failing.length - 1} more` : ''}`,
      'The last connectivity test that somebody made from Console or the API failed, and none passed since. Whether calls fail as well, CRC-SVC-017 and CRC-SVC-061 tell.',
      facts,
    );
  }
  return found.length === 0
    ? finding('pass', 'none can fail', 'No provider has a token endpoint, so that there is no connection to lose.')
    : finding('pass', `${count(found.length, 'provider')}, none failed`, 'No last test failed, and no shared connection that a resource uses has ended.', facts);
}

/** Connections to the providers of credentials, and whether the STS stopped asking one. */
export const providerChecks: readonly Check[] = [
  {
    id: 'CRC-SVC-060',
    title: 'Provider connections',
    step: 'services',
    component: 'providers',
    needs: [postgresAuthenticationId],
    asks: [question, asksVisibility],
    privilege: 'SELECT on providers, resources and provider_connections (all but the two token columns)',
    source: 'services/sts/internal/exchange.go:617',
    judge: (observed) => whenAnswered(observed.get(question), (answer) => whenVisible(observed, providerTables, () => judgeConnections(answer.providers))),
  },
  {
    id: 'CRC-SVC-061',
    title: 'Provider circuits',
    step: 'services',
    component: 'providers',
    needs: [postgresAuthenticationId, redisAuthenticationId],
    asks: [question, asksVisibility],
    privilege: 'SELECT on providers, resources and provider_connections (all but the two token columns); EXISTS on the Redis keys provider-refresh-*',
    source: 'services/sts/internal/refresh.go:884',
    judge: (observed) =>
      whenAnswered(observed.get(question), (answer) => {
        const refreshing = answer.providers.filter(({ kind }) => refreshingKinds.some((known) => known === kind));
        if (refreshing.length === 0) {
          return whenVisible(observed, ['providers'], () => finding('not-applicable', 'no provider refreshes', 'Only providers with a token endpoint have a circuit.'));
        }
        const asked = openCircuits.of(refreshing.map(({ id }) => id).join(','));
        const answered = observed.find(asked);
        if (!answered) return { ...finding('unknown', 'not asked yet', 'The providers are known only now.'), wants: [asked] };
        if (answered.outcome.kind === 'refused' && answered.outcome.code === 'NOPERM') {
          return finding('not-applicable', 'not checked: give the Redis user %R~provider-refresh-*', 'These keys are no part of what a debugger must read, so that a user without them is no fault.');
        }
        return whenAnswered(answered, ({ open }) => {
          const named = refreshing.filter(({ id }) => open.includes(id));
          return open.length === 0
            ? finding('pass', `0 of ${refreshing.length} open`, 'A circuit opens for 30 s after five failures of a token endpoint within 5 min.', factsOf(refreshing))
            : finding(
                'fail',
                `open: ${named.map(({ name }) => name).join(', ')}`,
                'The token endpoint of this provider failed five times within 5 min. For 30 s at a time the STS does not ask it, and calls that need its credential fail.',
                factsOf(named),
              );
        });
      }),
  },
];
