#include "doctor/doctor.hpp"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "doctor/measure.hpp"
#include "doctor/report.hpp"

namespace ringmail::tools {
namespace {

struct Options {
  double seconds = 3;
  bool json = false;
  std::filesystem::path root = "/";
};

int run(const Options& options) {
  doctor::Examination examination;
  examination.facts = doctor::read_facts(options.root);
  examination.probes = doctor::try_all();
  if (examination.probes.futex.works) {
    examination.defaults = doctor::ask_defaults();
    examination.measured = doctor::measure(examination.facts.allowed, options.seconds);
  } else {
    examination.defaults.cause = "not tried, since its threads could not sleep";
  }
  examination.pinning = doctor::advise_pinning(examination.facts, examination.measured);
  const auto findings = doctor::judge(examination);

  const std::string report =
      options.json ? doctor::to_json(examination, findings) : doctor::to_text(examination, findings);
  if (std::fwrite(report.data(), 1, report.size(), stdout) != report.size() || std::fflush(stdout) != 0) {
    throw std::runtime_error("cannot write to standard output");
  }
  return doctor::works(findings) ? 0 : 1;
}

}  // namespace

void add_doctor_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("doctor", "Measure this machine, and say what is missing or mis-set");
  command->add_flag("--json", options->json, "For programs: the keys of docs/doctor.md");
  command->add_option("--seconds", options->seconds, "How long to measure, about; 0: only ask the kernel")
      ->check(CLI::Range(0.0, 600.0))
      ->capture_default_str();
  command->add_option("--root", options->root)->group("");  // not in the help: where proc/ and sys/ of a test stand
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace ringmail::tools
