import { LRUCache } from 'lru-cache'

/** The entries used last, this many at most. It grows with what it holds: with `max`, lru-cache takes the room for all of them at once. */
export function growingCache<K extends {}, V extends {}>(most: number): LRUCache<K, V> {
  return new LRUCache({ maxSize: most, sizeCalculation: () => 1 })
}
