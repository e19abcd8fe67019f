import { groupVersion, reviewGroup, reviews } from './resources.ts';
import type { Resource } from './resources.ts';

const readVerbs = ['get', 'list', 'watch'];

export const version = {
  major: '1', minor: '32', gitVersion: 'v1.32.4', gitCommit: '59526cd4867447956156ae3a602fcbac10a2c335', gitTreeState: 'clean',
  buildDate: '2025-04-22T15:54:18Z', goVersion: 'go1.23.6', compiler: 'gc', platform: 'linux/amd64',
};

/**
 * The document of a discovery path, in the form that every server since 1.0 has; the aggregated form
 * is declined by answering a request for it in this one.
 *
 * @returns undefined for another path
 */
export function discovery(path: string, resources: readonly Resource[]): unknown {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  const groups = [...new Set([...resources.map(({ group }) => group), reviewGroup])].filter((group) => group !== '').sort();
  const versionOf = (group: string): string => resources.find((resource) => resource.group === group)?.version ?? 'v1';
  const groupDocument = (name: string): Record<string, unknown> => {
    const preferredVersion = { groupVersion: `${name}/${versionOf(name)}`, version: versionOf(name) };
    return { name, versions: [preferredVersion], preferredVersion };
  };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map(groupDocument) };
  const group = groups.find((name) => path === `/apis/${name}`);
  if (group !== undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group) };
  const listed = path === '/api/v1' ? '' : groups.find((name) => path === `/apis/${name}/${versionOf(name)}`);
  if (listed === undefined) return undefined;
  return {
    kind: 'APIResourceList', apiVersion: 'v1', groupVersion: groupVersion({ group: listed, version: listed === '' ? 'v1' : versionOf(listed) }),
    resources: listed === reviewGroup
      ? reviews.map(({ plural, kind }) => ({ name: plural, singularName: kind.toLowerCase(), namespaced: false, kind, verbs: ['create'] }))
      : resources.filter((resource) => resource.group === listed).flatMap(entries),
  };
}

function entries({ plural, singular, namespaced, kind, shortNames, categories, subresources = [] }: Resource): unknown[] {
  return [
    {
      name: plural, singularName: singular, namespaced, kind, verbs: readVerbs,
      ...(shortNames === undefined ? {} : { shortNames }), ...(categories === undefined ? {} : { categories }),
    },
    ...subresources.map((name) => ({
      name: `${plural}/${name}`, singularName: '', namespaced, kind: name === 'portforward' ? 'PodPortForwardOptions' : kind, verbs: ['get'],
    })),
  ];
}
