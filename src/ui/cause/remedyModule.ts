/** The room of remedies, as it is loaded with the first cause that is shown. */
export type RemedyModule = typeof import('../../remedies/service.ts');
