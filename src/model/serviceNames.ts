/** The six services of Caracal, in the order in which Caracal and this tool list them. */
export const serviceNames = ['api', 'sts', 'gateway', 'audit', 'coordinator', 'web'] as const;
