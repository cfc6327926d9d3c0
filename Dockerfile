# An image with meprop and nothing that only building needs:
#
#   docker build -t meprop .
#   docker run --rm -v "$PWD:/work" meprop train digits
#
# CI has no container engine: it runs `make install` and what this file runs besides outside of one.

FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends make
WORKDIR /source
COPY . .
RUN make install PREFIX=/usr DESTDIR=/installed

FROM debian:bookworm-slim
COPY Scripts/install-deps.sh /tmp/
RUN /tmp/install-deps.sh --runtime && rm -rf /var/lib/apt/lists /tmp/install-deps.sh
COPY --from=build /installed /
WORKDIR /work
ENTRYPOINT ["meprop"]
