import { type Cluster, ClusterError } from './types.ts'

/** One process, one node: home to everybody. */
export function singleNode(node = 'local'): Cluster {
  const gone = (): never => {
    throw new ClusterError('gone', 'there is no other node')
  }
  return {
    node,
    alone: true,
    nodes: [node],
    homeOf: () => node,
    homeOfSlot: () => node,
    homeFound: async () => node,
    request: async () => gone(),
    notify: () => {},
    serve: () => {},
    drain: async () => {},
    settled: async () => {},
    close: async () => {},
  }
}
