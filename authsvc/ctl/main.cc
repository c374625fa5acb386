// sallyctl: see README.md in this folder.
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "authsvc/ctl/commands.h"

namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): before any thread
  return value == nullptr ? std::string() : std::string(value);
}

}  // namespace

int main(int argc, char** argv) {
  prctl(PR_SET_DUMPABLE, 0);  // a core dump would hold keys
  umask(S_IRWXG | S_IRWXO);
  sallyport::authsvc::ctl::ContextPlaces places;
  places.variable = Variable("SALLYPORT_CONTEXT");
  places.home = Variable("HOME");
  sallyport::authsvc::ctl::Session session(std::cout, std::cerr, places);
  return sallyport::authsvc::ctl::Run(session, std::vector<std::string>(argv + 1, argv + argc));
}
