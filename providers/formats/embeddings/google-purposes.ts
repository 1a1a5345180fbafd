import { purposes } from './shared.ts'

/** Task types of Google's embedding models: https://ai.google.dev/gemini-api/docs/embeddings#supported-task-types */
export const GOOGLE_PURPOSES = purposes({
  query: 'RETRIEVAL_QUERY',
  document: 'RETRIEVAL_DOCUMENT',
  classification: 'CLASSIFICATION',
  clustering: 'CLUSTERING',
  similarity: 'SEMANTIC_SIMILARITY',
  question: 'QUESTION_ANSWERING',
  fact: 'FACT_VERIFICATION',
  code: 'CODE_RETRIEVAL_QUERY',
})
