/** `finish_reason` by its rarest letters: quotes are the most frequent byte of JSON, and what a search stumbles over. */
export const FINISH = '_reason":'

/** Whether the field is there with more than null, an empty string, an empty list or an empty object. */
export function saysAnything(data: string, name: string): boolean {
  let at = data.indexOf(name)
  while (at >= 0) {
    let next = at + name.length
    while (data.charCodeAt(next) === 0x20) next++
    const opening = data[next]
    const following = data[next + 1]
    if (opening === '"' ? following !== '"' : opening === '[' ? following !== ']' : opening === '{' && following !== '}') return true
    at = data.indexOf(name, next)
  }
  return false
}
