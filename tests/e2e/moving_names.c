// Preloaded into a data plane by test_moving_names.py: the addresses of one name are those in a file, whatever the machine's
// own name service says. Everything else is as it was.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int lookup(const char*, const char*, const struct addrinfo*, struct addrinfo**);

int getaddrinfo(const char* host, const char* service, const struct addrinfo* hints, struct addrinfo** out) {
  lookup* const next = (lookup*)dlsym(RTLD_NEXT, "getaddrinfo");
  const char* const name = getenv("MOVING_NAME");
  if (host == NULL || name == NULL || strcmp(host, name) != 0) return next(host, service, hints, out);
  FILE* const file = fopen(getenv("MOVING_ADDRESSES"), "r");
  char address[64] = "";
  struct addrinfo* all = NULL;
  while (file != NULL && fscanf(file, "%63s", address) == 1) {
    struct addrinfo* one = NULL;
    if (next(address, service, hints, &one) != 0) continue;
    struct addrinfo* last = one;
    while (last->ai_next != NULL) last = last->ai_next;
    last->ai_next = all;
    all = one;
  }
  if (file != NULL) fclose(file);
  *out = all;
  return all == NULL ? EAI_AGAIN : 0;
}
