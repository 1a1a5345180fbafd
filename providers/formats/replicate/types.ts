/** The name of this format, and of its corner in every `extra`. */
export const NAME = 'replicate'
