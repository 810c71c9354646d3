/* The header compiles by itself, twice, and every _INIT macro names every member. */
#include <rnncell.h>
#include <rnncell.h>

int main(void) {
  rnncell_stock_info stock = RNNCELL_STOCK_INFO_INIT;
  rnncell_cell_info cell = RNNCELL_CELL_INFO_INIT;
  rnncell_parameter_info parameter = RNNCELL_PARAMETER_INFO_INIT;
  rnncell_network_options network_options = RNNCELL_NETWORK_OPTIONS_INIT;
  rnncell_network_info network = RNNCELL_NETWORK_INFO_INIT;
  rnncell_state_info state = RNNCELL_STATE_INFO_INIT;
  rnncell_corpus_options corpus_options = RNNCELL_CORPUS_OPTIONS_INIT;
  rnncell_corpus_info corpus = RNNCELL_CORPUS_INFO_INIT;
  rnncell_model_options model_options = RNNCELL_MODEL_OPTIONS_INIT;
  rnncell_model_info model = RNNCELL_MODEL_INFO_INIT;
  rnncell_progress progress = RNNCELL_PROGRESS_INIT;
  rnncell_fit_options fit = RNNCELL_FIT_OPTIONS_INIT;
  rnncell_study_options study_options = RNNCELL_STUDY_OPTIONS_INIT;
  rnncell_proposal proposal = RNNCELL_PROPOSAL_INIT;
  rnncell_study_info study = RNNCELL_STUDY_INFO_INIT;
  rnncell_strategy_info strategy = RNNCELL_STRATEGY_INFO_INIT;
  return stock.size != sizeof stock || cell.size != sizeof cell ||
         parameter.size != sizeof parameter || network_options.size != sizeof network_options ||
         network.size != sizeof network || state.size != sizeof state ||
         corpus_options.size != sizeof corpus_options || corpus.size != sizeof corpus ||
         model_options.size != sizeof model_options || model.size != sizeof model ||
         progress.size != sizeof progress || fit.size != sizeof fit ||
         study_options.size != sizeof study_options || proposal.size != sizeof proposal ||
         study.size != sizeof study || strategy.size != sizeof strategy;
}
