# What qemu-user cannot run truthfully, by name (7.2; scripts/emulated says how it is run). It shows no weak ordering either, on
# a host that has none: what is tested under it is the code for AArch64, not how that fares in AArch64's memory model.
set(RINGMAIL_TESTS_NOT_EMULATED
  # They race two CPUs, and scripts/emulated gives one.
  Ordering.*
  Barrier.an_asymmetric_producer_loses_*
  # It loads no seccomp filter.
  Barrier.a_filter_that_forbids_it_is_noticed_before_anybody_relies_on_it
  Barrier.where_it_is_refused_later_sleeps_are_short_and_it_is_counted
  FailedBarrierTest.*
  Containment.is_by_a_filter_of_system_calls_for_all_that_it_starts
  # It does not say that descriptors were cut off a message (MSG_CTRUNC).
  ControlStream.more_descriptors_than_a_frame_may_have_are_closed_and_refused
  # It says yes to MADV_GUARD_INSTALL and does nothing.
  Modes/StackPoolGuards.*/automatic
  # And so to MADV_WIPEONFORK.
  CAbiFork.* ForkGuard.* Listen.a_fork_* Traps.a_child_* Schedulers/ForkTest.*)

execute_process(COMMAND ${CMAKE_CROSSCOMPILING_EMULATOR} --executes RESULT_VARIABLE cannot_execute)
if(cannot_execute)
  message(WARNING "No program can execute one of AArch64 here (scripts/emulated): tests that do are left out")
  list(APPEND RINGMAIL_TESTS_NOT_EMULATED
    CAbiLife.the_peer_of_the_manual_does_what_it_says
    Containment.* ExecHelper.* Gen.* KilledHost.* LeftBehind.* LeftBehindInCgroups.* Listener.* Output.* PeerCycles.*
    PeerProcess.* Reactor.* RestartPolicy.*)
endif()

list(JOIN RINGMAIL_TESTS_NOT_EMULATED : RINGMAIL_TEST_FILTER)
string(PREPEND RINGMAIL_TEST_FILTER -)
