import { deepEqual, equal, ok } from 'node:assert/strict';
import { symptoms } from '../../src/caracal/symptoms.ts';
import { recognise } from '../../src/trace/recognise.ts';
import { faults } from '../lab/faults/index.ts';
import { sample, walks } from '../workbench/symptomWalks.ts';

/** The rows of the symptom table of the guide. */
const rows = ['api-refuses', 'sts-exchange', 'gateway-refuses', 'session-views', 'audit-missing'];

describe('Walks from a symptom to its cause', () => {
  it('are of each row of the guide, on at least four causes each', () => {
    deepEqual(symptoms.map(({ id }) => id).slice(0, rows.length), rows);
    for (const row of rows) ok(new Set(walks.filter(({ symptom }) => symptom === row).map(({ cause }) => cause)).size >= 4, row);
    deepEqual(sample.map(({ symptom }) => symptom), rows);
  });

  it('break what the lab can break, each fault in one stretch', () => {
    deepEqual(walks.filter(({ fault }) => !faults.some(({ id }) => id === fault)), []);
    const stretches = walks.filter(({ fault }, place) => fault !== walks[place - 1]?.fault).map(({ fault }) => fault);
    equal(new Set(stretches).size, stretches.length);
  });

  for (const { symptom, fault, pasted, place } of walks.filter((walk) => walk.pasted !== undefined)) {
    it(`paste what is seen of ${fault}, which leads to ${symptom}`, () => {
      const places = recognise(pasted ?? '')?.places ?? [];
      const picked = places.filter(({ words }) => place === undefined || words.startsWith(place));
      deepEqual(picked.map((each) => each.symptom), [symptom]);
      equal(places.length > 1, place !== undefined, 'one place alone needs no second list');
    });
  }
});
