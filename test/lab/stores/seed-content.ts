// What the seeded zones contain, as data. Every zone gets its own ids; names repeat.

export interface ProviderContent {
  key: string;
  name: string;
  kind: 'none' | 'caracal_mandate' | 'api_key';
  config: Record<string, unknown>;
}

export interface ResourceContent {
  key: string;
  name: string;
  provider: string;
  upstream: string;
  scopes: string[];
  operations: { method: string; path: string; scope: string }[];
  enforcement: 'enforced' | 'transport_uniform';
}

export interface ZoneContent {
  name: string;
  slug: string;
  dcrEnabled: boolean;
  applications: { key: string; name: string; traits: string[] }[];
  providers: ProviderContent[];
  resources: ResourceContent[];
  /** The application that owns each resource, and the scopes that each label of its Sessions may have there. */
  grants: { application: string; resource: string; roles: Record<string, string[]> }[];
  sessions: {
    key: string;
    application: string;
    lifecycle: 'task' | 'service';
    parent?: string;
    labels: string[];
  }[];
  delegations: { key: string; from: string; to: string; resource: string; scopes: string[] }[];
}

const NO_PROVIDER: ProviderContent = { key: 'open', name: 'No Credential', kind: 'none', config: {} };

export const PAYMENTS: ZoneContent = {
  name: 'Payments',
  slug: 'payments',
  dcrEnabled: false,
  applications: [
    { key: 'orders', name: 'Orders Agent', traits: [] },
    { key: 'invoices', name: 'Invoice Bot', traits: [] },
    { key: 'ledger', name: 'Ledger Service', traits: [] },
  ],
  providers: [
    { key: 'mandate', name: 'Caracal Mandate', kind: 'caracal_mandate', config: {} },
    { key: 'reports-key', name: 'Reports API Key', kind: 'api_key', config: { header_name: 'X-Api-Key' } },
    NO_PROVIDER,
  ],
  resources: [
    {
      key: 'billing-api', name: 'Billing API', provider: 'mandate', upstream: 'https://billing.example.com/v1',
      scopes: ['invoice:read', 'invoice:write'],
      operations: [
        { method: 'GET', path: '/invoices', scope: 'invoice:read' },
        { method: 'POST', path: '/invoices', scope: 'invoice:write' },
      ],
      enforcement: 'enforced',
    },
    {
      key: 'ledger', name: 'Ledger', provider: 'mandate', upstream: 'https://ledger.example.com',
      scopes: ['ledger:read', 'ledger:post'], operations: [], enforcement: 'transport_uniform',
    },
    {
      key: 'reports', name: 'Reports', provider: 'reports-key', upstream: 'https://reports.example.com',
      scopes: ['report:read'], operations: [], enforcement: 'transport_uniform',
    },
  ],
  grants: [
    { application: 'invoices', resource: 'billing-api', roles: { nightly: ['invoice:read'] } },
    { application: 'orders', resource: 'reports', roles: { checkout: ['report:read'] } },
    { application: 'ledger', resource: 'ledger', roles: { posting: ['ledger:read', 'ledger:post'] } },
  ],
  sessions: [
    { key: 'checkout', application: 'orders', lifecycle: 'task', labels: ['checkout'] },
    { key: 'refund', application: 'orders', lifecycle: 'task', parent: 'checkout', labels: ['refund'] },
    { key: 'invoicing', application: 'invoices', lifecycle: 'task', labels: ['nightly'] },
    { key: 'posting', application: 'ledger', lifecycle: 'service', labels: ['posting'] },
  ],
  delegations: [
    { key: 'invoices', from: 'checkout', to: 'invoicing', resource: 'billing-api', scopes: ['invoice:read'] },
    // Of its own: the STS refuses a chain whose first issuer is another application than the last one.
    { key: 'posting', from: 'invoicing', to: 'posting', resource: 'billing-api', scopes: ['invoice:read'] },
  ],
};

export const SANDBOX: ZoneContent = {
  name: 'Sandbox',
  slug: 'sandbox',
  dcrEnabled: true,
  applications: [
    { key: 'explorer', name: 'Explorer Agent', traits: [] },
    { key: 'mirror', name: 'Mirror Service', traits: [] },
  ],
  providers: [NO_PROVIDER],
  resources: [
    {
      key: 'echo', name: 'Echo', provider: 'open', upstream: 'https://echo.example.com',
      scopes: ['echo:call'], operations: [], enforcement: 'transport_uniform',
    },
  ],
  grants: [{ application: 'explorer', resource: 'echo', roles: {} }],
  sessions: [
    { key: 'exploring', application: 'explorer', lifecycle: 'task', labels: [] },
    { key: 'mirroring', application: 'mirror', lifecycle: 'service', labels: [] },
  ],
  delegations: [{ key: 'mirroring', from: 'exploring', to: 'mirroring', resource: 'echo', scopes: ['echo:call'] }],
};
