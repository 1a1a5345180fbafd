# Debian slim, not Alpine: uWebSockets.js has no binary for musl.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional

FROM node:22-bookworm-slim
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
RUN useradd --system --uid 10001 --user-group bifrost && mkdir data && chown bifrost:bifrost data
USER bifrost
ENV NODE_ENV=production BIFROST_HOST=0.0.0.0
EXPOSE 8080
VOLUME /app/data
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# node itself is the command: it is what gets SIGTERM.
ENTRYPOINT ["node", "dist/transports/launcher.js", "--port", "8080", "--app-dir", "/app/data"]
