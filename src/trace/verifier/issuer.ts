/** Which issuers are the STS of a deployment. */
import { stsPort } from '../../caracal/verifiers.ts';

/**
 * Whether an issuer leads to the STS that is reached at an address: it is that address, another name of this machine, or
 * the name that the STS has where it runs: `sts` in a project of Docker Compose (contract request-evidence 1.1), its
 * Service in a cluster. Nothing is looked up.
 *
 * @param address of the STS as the deployment gives it
 */
export function leadsTo(issuer: string, address: URL): boolean {
  const url = URL.parse(issuer);
  if (url?.protocol !== address.protocol || pathOf(url) !== pathOf(address)) return false;
  if (isLoopback(address.hostname) && url.hostname === 'sts') return url.port === stsPort;
  if (url.port !== address.port) return false;
  if (isLoopback(address.hostname)) return isLoopback(url.hostname);
  return url.hostname === address.hostname || isSameService(url.hostname, address.hostname);
}

/** Whether an issuer is another one with a `/` more or less: both lead to the same keys, contract request-evidence 11.3, row 3. */
export function isSameIssuer(one: string, other: string): boolean {
  return one.replace(/\/+$/, '') === other.replace(/\/+$/, '');
}

/** A host of this machine: verifiers let `http` to it through, contract request-evidence 11.3, row 1. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function pathOf({ pathname }: URL): string {
  return pathname.replace(/\/+$/, '');
}

/** `caracal-sts`, `caracal-sts.prod` and `caracal-sts.prod.svc.cluster.local`; the address is the second one. */
function isSameService(host: string, address: string): boolean {
  const [service, namespace, ...more] = address.split('.');
  if (namespace === undefined || more.length > 0) return false;
  return host === service || [`${address}.svc`, `${address}.svc.cluster.local`].includes(host);
}
